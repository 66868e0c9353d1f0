"""Workloads whose PinnedRelease is gone."""

from __future__ import annotations

from dataclasses import replace

from pinnedrelease.cluster.errors import Unavailable
from pinnedrelease.controller.orphans import Orphans, Place
from pinnedrelease.core.actions import LetGo
from pinnedrelease.core.observed import InvalidSpec, Release
from pinnedrelease.core.pin import Target
from pinnedrelease.core.workload import Workload
from worlds import TARGET, container, release, workload

PLACE: Place = ("shop", TARGET)
MARKED = replace(workload(container("web:1")), marks=(("pin.pinnedrelease.dev/web", "web@x"),))


class Cluster:
    """A namespace with some PinnedReleases and one workload."""

    def __init__(self, *releases: Release, found: Workload | None = MARKED) -> None:
        self.stored = list(releases)
        self.found = found
        self.writes: list[LetGo] = []
        self.is_down = False
        self.governed: set[Place] = set()

    async def releases(self, namespace: str | None) -> list[Release]:
        assert namespace == "shop"
        if self.is_down:
            raise Unavailable("down")
        return self.stored

    async def workload(self, target: Target, namespace: str) -> Workload | None:
        assert (target, namespace) == PLACE[::-1]
        return self.found

    async def let_go(self, namespace: str, action: LetGo) -> None:
        assert namespace == "shop"
        self.writes.append(action)

    def orphans(self) -> Orphans:
        made = Orphans(
            self, self, is_ready=lambda: True, is_governed=lambda place: place in self.governed
        )
        made.note(PLACE)
        return made


async def test_a_forsaken_workload_is_let_go() -> None:
    cluster = Cluster()

    await cluster.orphans().look_at(PLACE)

    assert [one.marks for one in cluster.writes] == [("pin.pinnedrelease.dev/web",)]


async def test_a_governed_workload_is_left_alone_without_a_read() -> None:
    cluster = Cluster()
    cluster.is_down = True
    cluster.governed.add(PLACE)
    orphans = cluster.orphans()

    await orphans.look_at(PLACE)

    assert cluster.writes == []
    assert orphans._noted == set()


async def test_a_fresh_look_decides_not_the_index() -> None:
    for stored in (release(), replace(release(), spec=InvalidSpec(problems=("x",)))):
        cluster = Cluster(stored)

        await cluster.orphans().look_at(PLACE)

        assert cluster.writes == []


async def test_a_workload_that_is_gone_or_bare_needs_nothing() -> None:
    for found in (None, replace(MARKED, marks=())):
        cluster = Cluster(found=found)

        await cluster.orphans().look_at(PLACE)

        assert cluster.writes == []


async def test_what_fails_is_tried_again() -> None:
    cluster = Cluster()
    cluster.is_down = True
    orphans = cluster.orphans()

    await orphans.look_at(PLACE)
    cluster.is_down = False
    await orphans.look_at(PLACE)

    assert len(cluster.writes) == 1
    assert orphans._noted == set()
