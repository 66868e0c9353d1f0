"""Ends the process when it has gone blind: a watch is over and nobody has noticed.

A pod that is started anew lists everything afresh and writes nothing that is right already, so
ending is cheap; staying on without a watch would be silence that looks like health.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection

from pinnedrelease.cluster.errors import CertificateRefused, ClusterError
from pinnedrelease.cluster.session import Session
from pinnedrelease.reconcile.gather import Key
from pinnedrelease.reconcile.versions import is_newer

log = logging.getLogger(__name__)

LOOK_S = 5.0
CLOSED_LIMIT_S = 20.0
"""The longest pause before a watch that ended is asked for anew (``watch_book``)."""
CANARY_LIMIT_S = 40.0
PATIENCE_S = 30.0
"""An API server that answers again has its watches back within the longest pause, and some."""


class Canary:
    """Our own status writes must come back through the watch.

    A watch that lags is not dead: while it brings older changes, nothing is missed.
    """

    def __init__(
        self, now_s: Callable[[], float], seen_version: Callable[[Key], str | None]
    ) -> None:
        """``seen_version`` tells which state of a PinnedRelease its watch has brought last."""
        self._now_s = now_s
        self._seen_version = seen_version
        self._awaited: dict[Key, tuple[float, str]] = {}
        self._newest = "0"
        self._saw_at_s = 0.0

    def wrote(self, key: Key, version: str) -> None:
        """A status has been stored as this resourceVersion.

        Its echo may have come before the answer to the write.
        """
        seen = self._seen_version(key)
        if seen is not None and not is_newer(version, seen):
            return
        self._awaited.setdefault(key, (self._now_s(), version))

    def saw(self, key: Key, version: str | None) -> None:
        """The watch has brought something of this PinnedRelease."""
        self._awaited.pop(key, None)
        self._saw_at_s = self._now_s()
        if version is not None and is_newer(version, self._newest):
            self._newest = version

    def overdue(self) -> Key | None:
        """A PinnedRelease whose change has not come back in time."""
        limit_s = self._now_s() - CANARY_LIMIT_S
        for key, (at_s, version) in self._awaited.items():
            is_passed_by = not is_newer(version, self._newest)
            if at_s < limit_s and (is_passed_by or self._saw_at_s < limit_s):
                return key
        return None


class Watchdog:
    """Knows why the process is blind, if it is."""

    def __init__(self, session: Session, canary: Canary, watched: Collection[str]) -> None:
        self._session = session
        self._canary = canary
        self._watched = watched
        self.trouble: str | None = None

    async def run(self) -> None:
        """Look for ever; return when the process stays blind though the API server answers."""
        now_s = asyncio.get_running_loop().time
        answers_since_s: float | None = None
        while True:
            await asyncio.sleep(LOOK_S)
            blind = self._blindness()
            # While the API server does not answer, nobody can watch, and a new process neither.
            if blind is None or not await self._answers(blind[0]):
                answers_since_s = None
                continue
            if answers_since_s is None:
                answers_since_s = now_s()
            if now_s() - answers_since_s >= PATIENCE_S:
                self.trouble = blind[1]
                log.error("blind, so this process ends", extra={"reason": self.trouble})
                return

    def _blindness(self) -> tuple[str, str] | None:
        opened = self._session.watches.were_opened()
        for path in self._watched:
            if path not in opened:
                continue
            closed_for_s = self._session.watches.closed_for_s(path)
            if closed_for_s > CLOSED_LIMIT_S:
                return path, f"nothing has watched {path} for {closed_for_s:.0f} s"
        overdue = self._canary.overdue()
        if overdue is None:
            return None
        path = next(iter(self._watched))
        return path, f"the status of {overdue} was written and never seen"

    async def _answers(self, path: str) -> bool:
        """Whether a new process would be better off."""
        try:
            await self._session.probe(path)
        except CertificateRefused:
            # The authority was replaced; a new process reads the file anew.
            return True
        except ClusterError:
            return False
        return True
