"""Passes over a cluster in memory, by a clock that a test moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from memory_cluster import MemoryCluster
from objects import DIGEST_A, REPOSITORY
from pinnedrelease.core.actions import ApplyImages
from pinnedrelease.core.conditions import ConditionType, find
from pinnedrelease.core.observed import Instant, Limits, Release
from pinnedrelease.core.pin import DesiredPin
from pinnedrelease.core.workload import Workload
from pinnedrelease.reconcile.gather import Key
from pinnedrelease.reconcile.reconciler import Reconciler
from worlds import at, container

KEY = Key("shop", "web")
MIRROR = ("registry.example.com/", "mirror.example.com/")
"""What a webhook replaces in images, and by what."""


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.chance = 0.0

    def now(self) -> Instant:
        return at(self.seconds)

    def monotonic_s(self) -> float:
        return at(self.seconds).monotonic_s

    def unit_random(self) -> float:
        return self.chance


def reconciler(cluster: MemoryCluster, clock: HandClock) -> Reconciler:
    return Reconciler(cluster, cluster, cluster, clock, Limits())


def stalled_reason(cluster: MemoryCluster) -> str | None:
    assert cluster.stored is not None
    condition = find(cluster.stored.status.conditions, ConditionType.STALLED)
    return condition.reason if condition else None


def disturb(cluster: MemoryCluster, image: str) -> None:
    """Somebody sets an image, and the watch says so."""
    assert cluster.target is not None
    version = str(int(cluster.target.resource_version) + 1)
    cluster.target = replace(
        cluster.target, containers=(container(image),), resource_version=version
    )
    cluster.arrived = cluster.target


async def goes_on(cluster: MemoryCluster, passes: Reconciler) -> None:
    """The next pass gets the pin into the workload, and nothing is stalled any more."""
    await passes.reconcile(KEY)
    assert cluster.target is not None
    assert cluster.target.containers[0].image == f"{REPOSITORY}@{DIGEST_A}"
    assert stalled_reason(cluster) is None


def declare(cluster: MemoryCluster, spec: DesiredPin) -> None:
    """Somebody changes the spec."""
    of = cluster.stored
    assert of is not None
    version = str(int(of.resource_version) + 100)
    cluster.stored = replace(of, spec=spec, generation=of.generation + 1, resource_version=version)


def results(cluster: MemoryCluster) -> list[str]:
    """What became of each revision, newest first."""
    assert cluster.stored is not None
    return [one.result.value for one in cluster.stored.status.history.revisions]


class AskedAnew(MemoryCluster):
    """While a write is being refused somebody changes the PinnedRelease."""

    ask: Callable[[Release], Release] | None = None

    async def apply_images(self, release: Release, action: ApplyImages) -> Workload:
        self.writes.append("tried")
        if self.ask is not None and self.stored is not None:
            version = str(int(self.stored.resource_version) + 100)
            self.stored = self.ask(replace(self.stored, resource_version=version))
            self.ask = None
        return await super().apply_images(release, action)
