"""Workloads whose PinnedRelease is gone, also while nobody watched: their pins are taken off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import NoReturn, Protocol

from pinnedrelease.cluster.errors import ClusterError
from pinnedrelease.cluster.lister import Lister
from pinnedrelease.cluster.reader import Reader
from pinnedrelease.core.actions import LetGo
from pinnedrelease.core.letting_go import letting_go_of_all
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import DesiredPin, Target
from pinnedrelease.core.workload import Workload

log = logging.getLogger(__name__)

Place = tuple[str, Target]
LOOK_S = 2.0


class Reads(Protocol):
    """The reads that this needs. Raises ClusterErrors."""

    async def releases(self, namespace: str | None) -> list[Release]:
        """All PinnedReleases of a namespace, as they are now."""

    async def workload(self, target: Target, namespace: str) -> Workload | None:
        """A workload as it is now."""


class Writes(Protocol):
    """The one write. Raises ClusterErrors."""

    async def let_go(self, namespace: str, action: LetGo) -> None:
        """Take marks off a workload."""


class OrphanReads:
    """The two readers in one."""

    def __init__(self, reader: Reader, lister: Lister) -> None:
        self.workload = reader.workload
        self.releases = lister.releases


class Orphans:
    """Notes places that look forsaken, and makes sure by fresh reads before it touches them."""

    def __init__(
        self,
        reads: Reads,
        writes: Writes,
        *,
        is_ready: Callable[[], bool],
        is_governed: Callable[[Place], bool],
    ) -> None:
        self._reads = reads
        self._writes = writes
        self._is_ready = is_ready
        self._is_governed = is_governed
        self._noted: set[Place] = set()

    def note(self, place: Place) -> None:
        """This workload has pins, and no PinnedRelease is known that targets it."""
        self._noted.add(place)

    async def run(self) -> NoReturn:
        """Look now and then, once everything has been listed: before, nobody knows who governs."""
        while True:
            await asyncio.sleep(LOOK_S)
            if not self._is_ready():
                continue
            for place in tuple(self._noted):
                await self.look_at(place)

    async def look_at(self, place: Place) -> None:
        """Let go of one workload, if it is really forsaken. What fails is tried again."""
        if self._is_governed(place):
            self._noted.discard(place)
            return
        namespace, target = place
        try:
            action = await self._action(namespace, target)
            if action is not None:
                await self._writes.let_go(namespace, action)
                log.info(
                    "orphaned pins taken off",
                    extra={"namespace": namespace, "target": str(target)},
                )
        except ClusterError as error:
            log.warning(
                "orphaned pins not taken off",
                extra={"namespace": namespace, "target": str(target), "error": str(error)},
            )
        else:
            self._noted.discard(place)

    async def _action(self, namespace: str, target: Target) -> LetGo | None:
        for release in await self._reads.releases(namespace):
            spec = release.spec
            # An invalid spec may be meant for this workload: its owner will correct it.
            if not isinstance(spec, DesiredPin) or spec.target == target:
                return None
        workload = await self._reads.workload(target, namespace)
        return letting_go_of_all(workload) if workload is not None else None
