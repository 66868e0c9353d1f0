"""Resync: what the watches never told is found, and what is only on its way is left alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from pinnedrelease.cluster import paths
from pinnedrelease.cluster.errors import ClusterError, Unavailable
from pinnedrelease.controller.index import TargetIndex
from pinnedrelease.controller.resync import Reactions, Resync, Told
from pinnedrelease.controller.workload_index import WorkloadIndex
from pinnedrelease.core.pin import Target, TargetKind
from pinnedrelease.reconcile.gather import Key
from unit.controller.test_workers import StillClock
from virtual_time import run_virtually
from worlds import workload

A, B = Key("shop", "a"), Key("shop", "b")
WEB = Target(kind=TargetKind.DEPLOYMENT, name="web")
PLACE = ("shop", WEB)


class World:
    """What there is, what the watches have told, and what came of a round."""

    def __init__(self, *namespaces: str) -> None:
        self.there: dict[str, dict[tuple[str, str], str]] = {}
        self.error: ClusterError | None = None
        self.meanwhile: Callable[[], None] = lambda: None
        self.woken: list[Key] = []
        self.gone: list[Key] = []
        self.asked: list[str | None] = []
        self.index = TargetIndex()
        self.workloads = WorkloadIndex(1, lambda _place, _key: None)
        reactions = Reactions(wake=self.woken.append, gone=self.gone.append)
        told = Told(releases=self.index, workloads=self.workloads)
        self.resync = Resync(self, told, reactions, namespaces, StillClock(), 600.0)

    async def versions(
        self, kind: paths.ResourceKind, namespace: str | None
    ) -> Mapping[tuple[str, str], str]:
        self.asked.append(namespace)
        if self.error is not None:
            raise self.error
        listed = dict(self.there.get(kind.plural, {}))
        self.meanwhile()
        return listed


async def test_a_converged_fleet_wakes_nobody() -> None:
    world = World()
    world.there = {"pinnedreleases": {("shop", "a"): "7"}, "deployments": {("shop", "web"): "9"}}
    world.index.put(A, WEB, "7")
    world.workloads.stored(A, workload(resource_version="9"))

    assert await world.resync.look() == 0
    assert (world.woken, world.gone) == ([], [])


async def test_w08_a_release_whose_end_was_never_told_is_purged() -> None:
    world = World()
    world.index.put(A, WEB, "7")

    assert await world.resync.look() == 1
    assert world.gone == [A]


async def test_a_change_and_a_beginning_that_were_never_told_wake_once() -> None:
    world = World()
    world.there = {"pinnedreleases": {("shop", "a"): "8", ("shop", "b"): "3"}}
    world.index.put(A, None, "7")

    assert await world.resync.look() == 2
    assert world.woken == [A, B]
    assert await world.resync.look() == 0


async def test_what_an_event_tells_while_the_list_is_on_its_way_counts_more() -> None:
    world = World()
    world.there = {"pinnedreleases": {("shop", "a"): "7"}}
    world.index.put(A, None, "7")
    world.meanwhile = lambda: world.index.put(B, None, "9")

    assert await world.resync.look() == 0
    assert (world.woken, world.gone) == ([], [])

    world.meanwhile = lambda: world.index.put(A, None, "8")
    world.there = {"pinnedreleases": {("shop", "a"): "7", ("shop", "b"): "9"}}
    assert await world.resync.look() == 0


@pytest.mark.parametrize(("version", "missed"), [("10", 1), (None, 1)])
async def test_a_workload_that_changed_or_went_unseen_wakes_its_release(
    version: str | None, missed: int
) -> None:
    world = World()
    world.there = {"pinnedreleases": {("shop", "a"): "7"}, "deployments": {}}
    if version is not None:
        world.there["deployments"][("shop", "web")] = version
    world.index.put(A, WEB, "7")
    world.workloads.stored(A, workload(resource_version="9"))

    assert await world.resync.look() == missed
    assert world.woken == [A]
    assert await world.resync.look() == 0


async def test_a_workload_that_was_there_first_is_no_miss() -> None:
    world = World()
    world.there = {"pinnedreleases": {("shop", "a"): "7"}, "deployments": {("shop", "web"): "9"}}
    world.index.put(A, WEB, "7")

    assert await world.resync.look() == 0
    assert world.woken == [A]


async def test_other_namespaces_than_those_watched_are_not_looked_at() -> None:
    world = World("shop")
    world.index.put(Key("elsewhere", "x"), None, "1")

    assert await world.resync.look() == 0
    assert set(world.asked) == {"shop"}


def test_an_api_server_that_does_not_answer_is_asked_again_later() -> None:
    async def story() -> None:
        world = World()
        world.error = Unavailable("503")
        task = asyncio.create_task(world.resync.run())
        await asyncio.sleep(600 * 3)
        assert len(world.asked) == 3
        assert not task.done()
        task.cancel()

    run_virtually(story())
