"""key -> Observed: the only part of a pass that looks anything up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pinnedrelease.core.observed import Limits, Memory, Observed, Release
from pinnedrelease.core.pin import DesiredPin, Target
from pinnedrelease.core.pods import Pod
from pinnedrelease.core.recovery import has_lost_history
from pinnedrelease.core.registry import RegistryFacts
from pinnedrelease.core.workload import PastTemplate, Workload


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Names one PinnedRelease. The only thing that travels from a watch event to a pass."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Watched(Generic[Value]):
    """The newest state of an object that is known without a read."""

    value: Value
    by_event: bool
    """An event brought it, not a list (which may be older than what was done before a restart)
    and no answer to a write of ours."""


class Reads(Protocol):
    """The reads that a pass needs."""

    async def release(self, namespace: str, name: str) -> Release | None:
        """The PinnedRelease as it is now."""

    async def workload(self, target: Target, namespace: str) -> Workload | None:
        """The target as it is now."""

    async def past(self, target: Target, namespace: str) -> tuple[PastTemplate, ...]:
        """The target's earlier templates, as its own controller keeps them."""


class Neighbours(Protocol):
    """What is known from the watches. ADR 14 says what may rest on it."""

    def target_of(self, key: Key) -> Target | None:
        """The target that this PinnedRelease had when it was seen last."""

    def sharing_target(self, key: Key) -> tuple[Key, ...]:
        """Other PinnedReleases that were seen with the same target."""

    def seen_version(self, key: Key) -> str | None:
        """The newest resourceVersion that is known to exist of a PinnedRelease."""

    def take_release(self, key: Key, known: str | None) -> Watched[Release] | None:
        """The PinnedRelease as its watch has brought it since the last pass, once.

        None when it is still the ``known`` resourceVersion.
        """

    def watched_workload(self, namespace: str, target: Target) -> Watched[Workload] | None:
        """A workload; None when it is not known."""

    def read_workload(self, key: Key, workload: Workload) -> None:
        """A read of this key's pass has brought a workload."""

    def pods_of(self, namespace: str, workload: Workload) -> tuple[Pod, ...] | None:
        """The pods of a workload; None when pods are not watched."""


class Registries(Protocol):
    """What a pass may know about registries. Nothing here waits."""

    def observe(
        self,
        key: Key,
        release: Release,
        workload: Workload | None,
        pods: tuple[Pod, ...] | None = None,
    ) -> RegistryFacts:
        """See to it that the right questions are asked; what is known of them now."""

    def forget(self, key: Key) -> None:
        """The PinnedRelease is gone."""


class NoRegistries:
    """Nobody asks: for passes without a registry at hand."""

    def observe(
        self,
        key: Key,  # noqa: ARG002 - the interface
        release: Release,  # noqa: ARG002
        workload: Workload | None,  # noqa: ARG002
        pods: tuple[Pod, ...] | None = None,  # noqa: ARG002
    ) -> RegistryFacts:
        """Nothing is known."""
        return RegistryFacts()

    def forget(self, key: Key) -> None:
        """There is nothing to forget."""


async def gather(
    key: Key,
    reads: Reads,
    neighbours: Neighbours,
    registries: Registries,
    memory: Memory,
    limits: Limits,
) -> Observed | None:
    """Read everything afresh; None when the PinnedRelease does not exist.

    The target is read at the same time as the PinnedRelease when a watch has named it: this
    saves a round trip on the way from drift to correction.
    """
    hint = neighbours.target_of(key)
    async with asyncio.TaskGroup() as group:
        release_read = group.create_task(reads.release(key.namespace, key.name))
        early_read = (
            group.create_task(reads.workload(hint, key.namespace)) if hint is not None else None
        )
        rival_reads = [
            group.create_task(reads.release(rival.namespace, rival.name))
            for rival in neighbours.sharing_target(key)
        ]
    release = release_read.result()
    if release is None:
        return None
    workload: Workload | None = None
    if isinstance(release.spec, DesiredPin):
        if early_read is not None and hint == release.spec.target:
            workload = early_read.result()
        else:
            workload = await reads.workload(release.spec.target, key.namespace)
    pods: tuple[Pod, ...] | None = None
    if workload is not None:
        neighbours.read_workload(key, workload)
        pods = neighbours.pods_of(key.namespace, workload)
    return Observed(
        release=release,
        workload=workload,
        rivals=tuple(_same_target(release, [read.result() for read in rival_reads])),
        registry=registries.observe(key, release, workload, pods),
        pods=pods,
        past=await _past(release, workload, reads),
        memory=memory,
        limits=limits,
    )


async def _past(
    release: Release, workload: Workload | None, reads: Reads
) -> tuple[PastTemplate, ...]:
    """The workload's own history, read only when the status has lost its own."""
    if workload is None or not has_lost_history(release, workload):
        return ()
    return await reads.past(workload.target, release.namespace)


def _same_target(release: Release, others: list[Release | None]) -> list[Release]:
    if not isinstance(release.spec, DesiredPin):
        return []
    target = release.spec.target
    return [
        other
        for other in others
        if other is not None and isinstance(other.spec, DesiredPin) and other.spec.target == target
    ]
