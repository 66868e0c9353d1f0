"""Campaigns for the Lease, renews it, and knows at any moment whether this process may write."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pinnedrelease.cluster.errors import ClusterError, Conflict, NotFound
from pinnedrelease.core.lease import RETRY_S, Lease, SeenLease, may_take, saw, valid_until_s
from pinnedrelease.reconcile.clock import Clock

log = logging.getLogger(__name__)

CALL_S = 2.0
"""A call that takes longer is given up: its holder must know in time that it has not renewed."""


class Reads(Protocol):
    """The one read. Raises ClusterErrors."""

    async def lease(self, namespace: str, name: str) -> Lease | None:
        """The Lease as it is now."""


class Writes(Protocol):
    """The one write. Raises ClusterErrors."""

    async def write_lease(
        self, namespace: str, name: str, holder: str, before: Lease | None, at: datetime
    ) -> Lease:
        """Store who holds the Lease, if it is still as it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectionSettings:
    """Which Lease, and who campaigns for it."""

    namespace: str
    name: str
    identity: str
    """Of one process at a time: a pod's name, or something that nobody else has."""


class Election:
    """One candidate. Once it has lost it never leads again: its process ends."""

    def __init__(
        self,
        settings: ElectionSettings,
        reads: Reads,
        writes: Writes,
        clock: Clock,
        begin: Callable[[datetime | None], None],
    ) -> None:
        """``begin`` is told, once this process leads, when the leader before it renewed last."""
        self._settings = settings
        self._reads = reads
        self._writes = writes
        self._clock = clock
        self._leading = asyncio.Event()
        self._valid_until_s = clock.monotonic_s()
        self._held: Lease | None = None
        self._begin = begin

    def is_leading(self) -> bool:
        """Whether a write may begin now. Compares numbers: cheap, and right after any pause."""
        return self._clock.monotonic_s() < self._valid_until_s

    async def wait(self) -> None:
        """Return once this process leads."""
        await self._leading.wait()

    async def run(self) -> None:
        """Campaign, lead, and return as soon as the Lease is lost."""
        before = await self._campaign()
        self._begin(before.renewed_at if before is not None else None)
        log.info("leading", extra={"lease": self._lease, "identity": self._settings.identity})
        self._leading.set()
        await self._lead()
        self._valid_until_s = self._clock.monotonic_s()
        log.error("the Lease is lost, so this process ends", extra={"lease": self._lease})

    async def release(self) -> None:
        """Let others take the Lease at once. The last thing that a process does."""
        held, self._held = self._held, None
        if held is None or not self.is_leading():
            return
        self._valid_until_s = self._clock.monotonic_s()
        try:
            await self._store("", held)
        except (ClusterError, TimeoutError) as error:
            log.warning("the Lease runs out by itself", extra={"error": str(error)})

    async def _campaign(self) -> Lease | None:
        """Return once the Lease is held, with the Lease as it was before."""
        seen: SeenLease | None = None
        while True:
            try:
                lease = await self._look(seen)
                now_s = self._clock.monotonic_s()
                # Somebody may delete it: whoever held it goes on for as long as it was good for.
                seen = saw(lease, seen, now_s) if lease is not None else seen
                if seen is None or may_take(seen, self._settings.identity, now_s):
                    await self._renew(lease)
                    return seen.lease if seen is not None else None
            except Conflict:
                log.debug("somebody else was faster", extra={"lease": self._lease})
            except (ClusterError, TimeoutError) as error:
                log.warning(
                    "cannot campaign", extra={"lease": self._lease, "error": _reason(error)}
                )
            await self._pause()

    async def _look(self, before: SeenLease | None) -> Lease | None:
        async with asyncio.timeout(CALL_S):
            lease = await self._reads.lease(self._settings.namespace, self._settings.name)
        nobody = (None, "", self._settings.identity)
        holder = lease.holder if lease is not None else None
        if before is None and holder not in nobody:
            log.info("standing by", extra={"lease": self._lease, "leader": holder})
        return lease

    async def _lead(self) -> None:
        """Renew until it cannot be done in time, or somebody else has the Lease."""
        while self.is_leading():
            await self._pause()
            try:
                await self._renew(self._held)
            except (Conflict, NotFound):
                if not await self._is_still_mine():
                    return
            except (ClusterError, TimeoutError) as error:
                log.warning("not renewed", extra={"lease": self._lease, "error": _reason(error)})

    async def _is_still_mine(self) -> bool:
        """After a conflict: our own renewal may have been stored, only its answer lost."""
        try:
            async with asyncio.timeout(CALL_S):
                lease = await self._reads.lease(self._settings.namespace, self._settings.name)
        except (ClusterError, TimeoutError):
            return True
        if lease is None or lease.holder != self._settings.identity:
            return False
        self._held = lease
        return True

    async def _renew(self, before: Lease | None) -> None:
        asked_at_s = self._clock.monotonic_s()
        self._held = await self._store(self._settings.identity, before)
        self._valid_until_s = valid_until_s(asked_at_s)

    async def _store(self, holder: str, before: Lease | None) -> Lease:
        settings = self._settings
        async with asyncio.timeout(CALL_S):
            return await self._writes.write_lease(
                settings.namespace, settings.name, holder, before, self._clock.now().wall
            )

    async def _pause(self) -> None:
        """Candidates that started together do not stay together."""
        await asyncio.sleep(RETRY_S * (0.9 + 0.2 * self._clock.unit_random()))

    @property
    def _lease(self) -> str:
        return f"{self._settings.namespace}/{self._settings.name}"


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
