"""Compares now and then what the watches have told with what there is.

kopf drops what a watch tells as deleted and nothing else, so an event that never came leaves a
ghost, or a change that nobody looks at. Lists of metadata alone find both.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pinnedrelease.cluster import paths
from pinnedrelease.cluster.errors import ClusterError
from pinnedrelease.controller.index import TargetIndex
from pinnedrelease.controller.workload_index import WorkloadIndex
from pinnedrelease.core.pin import Target, TargetKind
from pinnedrelease.reconcile.clock import Clock
from pinnedrelease.reconcile.gather import Key

log = logging.getLogger(__name__)


class Lists(Protocol):
    """The one kind of read. Raises ClusterErrors."""

    async def versions(
        self, kind: paths.ResourceKind, namespace: str | None
    ) -> Mapping[tuple[str, str], str]:
        """The resourceVersion of every object of a kind, by namespace and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reactions:
    """What is done about a difference."""

    wake: Callable[[Key], None]
    gone: Callable[[Key], None]
    """A PinnedRelease that the watches still know does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the watches have told."""

    releases: TargetIndex
    workloads: WorkloadIndex


class Resync:
    """One round compares every kind, everywhere."""

    def __init__(
        self,
        lists: Lists,
        told: Told,
        reactions: Reactions,
        namespaces: tuple[str, ...],
        clock: Clock,
        period_s: float,
    ) -> None:
        self._lists = lists
        self._index = told.releases
        self._workloads = told.workloads
        self._reactions = reactions
        self._places: tuple[str | None, ...] = namespaces or (None,)
        self._clock = clock
        self._period_s = period_s

    async def run(self) -> None:
        """Compare for ever, at intervals that differ from those of other processes."""
        while True:
            await asyncio.sleep(self._period_s * (0.9 + 0.2 * self._clock.unit_random()))
            try:
                found = await self.look()
            except ClusterError as error:
                log.info("not compared with what there is", extra={"error": str(error)})
                continue
            if found:
                log.warning("the watches have missed something", extra={"objects": found})

    async def look(self) -> int:
        """One round. Returns how many objects differed from what the watches had told."""
        found = 0
        for namespace in self._places:
            found += await self._compare_releases(namespace)
            for kind in TargetKind:
                found += await self._compare_workloads(kind, namespace)
        return found

    async def _compare_releases(self, namespace: str | None) -> int:
        before = {
            key: self._index.seen_version(key)
            for key in self._index.known()
            if namespace in (None, key.namespace)
        }
        listed = {
            Key(*place): version
            for place, version in (await self._lists.versions(paths.RELEASES, namespace)).items()
        }
        ghosts = [key for key in before if key not in listed and self._is_unchanged(key, before)]
        for key in ghosts:
            self._reactions.gone(key)
        missed = [
            key
            for key, version in listed.items()
            if before.get(key) != version and self._is_unchanged(key, before)
        ]
        for key in missed:
            self._index.saw_version(key, listed[key])
            self._reactions.wake(key)
        return len(ghosts) + len(missed)

    def _is_unchanged(self, key: Key, before: Mapping[Key, str | None]) -> bool:
        """Whether no event has come while the list was on its way: then the list may be older."""
        return self._index.seen_version(key) == before.get(key)

    async def _compare_workloads(self, kind: TargetKind, namespace: str | None) -> int:
        before = {
            place: self._workloads.version(place)
            for place in self._index.places()
            if place[1].kind is kind and namespace in (None, place[0])
        }
        if not before:
            return 0
        listed = await self._lists.versions(paths.WORKLOADS[kind], namespace)
        found = 0
        for place, seen in before.items():
            version = listed.get((place[0], place[1].name))
            if version == seen or self._workloads.version(place) != seen:
                continue
            self._workloads.forget(place)
            # One that was there before its PinnedRelease has not been seen: that is no miss.
            found += seen is not None
            self._wake_for(place[0], place[1])
        return found

    def _wake_for(self, namespace: str, target: Target) -> None:
        for key in self._index.keys_for(namespace, target):
            self._reactions.wake(key)
