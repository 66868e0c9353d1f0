"""One pass: gather, plan, execute, and what is remembered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memory_cluster import MemoryCluster
from objects import DIGEST_A, REPOSITORY
from pinnedrelease.cluster.errors import Conflict, Forbidden, Invalid, Unavailable
from pinnedrelease.core.conditions import ConditionType, find
from pinnedrelease.core.observed import Instant, Limits
from pinnedrelease.reconcile.gather import Key
from pinnedrelease.reconcile.reconciler import Reconciler
from worlds import DONE, at, container, release, workload

KEY = Key("shop", "web")


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> Instant:
        return at(self.seconds)

    def monotonic_s(self) -> float:
        return at(self.seconds).monotonic_s

    def unit_random(self) -> float:
        return 0.0


def reconciler(cluster: MemoryCluster, clock: HandClock) -> Reconciler:
    return Reconciler(cluster, cluster, cluster, clock, Limits())


def stalled_reason(cluster: MemoryCluster) -> str | None:
    assert cluster.stored is not None
    condition = find(cluster.stored.status.conditions, ConditionType.STALLED)
    return condition.reason if condition else None


async def test_a_pass_records_writes_and_reports_in_this_order() -> None:
    cluster = MemoryCluster(release(), workload())

    await reconciler(cluster, HandClock()).reconcile(KEY)

    assert cluster.writes == ["status", "workload", "status", "DigestPinned"]


async def test_a_second_pass_over_a_settled_world_writes_nothing() -> None:
    cluster = MemoryCluster(release(), workload())
    passes = reconciler(cluster, HandClock())
    await passes.reconcile(KEY)
    assert cluster.target is not None
    cluster.target = replace(cluster.target, rollout=DONE)
    await passes.reconcile(KEY)
    cluster.writes.clear()

    assert await passes.reconcile(KEY) is None
    assert cluster.writes == []


async def test_a_release_that_is_gone_needs_nothing() -> None:
    assert await reconciler(MemoryCluster(None, None), HandClock()).reconcile(KEY) is None


async def test_a_conflict_ends_the_pass_and_nothing_after_it_is_tried() -> None:
    cluster = MemoryCluster(release(), workload())
    cluster.refuse_workload = Conflict("faster")

    with pytest.raises(Conflict):
        await reconciler(cluster, HandClock()).reconcile(KEY)

    assert cluster.writes == ["status"]


@pytest.mark.parametrize(
    ("refusal", "reason"), [(Forbidden("no"), "AccessDenied"), (Invalid("no"), "WriteRefused")]
)
async def test_a_refused_write_is_told_and_tried_again_with_growing_pauses(
    refusal: Exception, reason: str
) -> None:
    cluster, clock = MemoryCluster(release(), workload()), HandClock()
    cluster.refuse_workload = refusal
    passes = reconciler(cluster, clock)

    wait_s = await passes.reconcile(KEY)
    assert stalled_reason(cluster) == reason
    assert wait_s == pytest.approx(10)

    cluster.refuse_workload = None
    clock.seconds = 11
    await passes.reconcile(KEY)

    assert cluster.target is not None
    assert cluster.target.containers[0].image == f"{REPOSITORY}@{DIGEST_A}"
    assert stalled_reason(cluster) is None


async def test_a_lost_event_does_not_fail_the_pass() -> None:
    cluster = MemoryCluster(release(), workload())
    cluster.refuse_events = Unavailable("down")

    await reconciler(cluster, HandClock()).reconcile(KEY)

    assert cluster.writes == ["status", "workload", "status"]


async def test_a_new_object_of_the_same_name_starts_with_no_memory() -> None:
    cluster, clock = MemoryCluster(release(), None), HandClock()
    passes = reconciler(cluster, clock)
    await passes.reconcile(KEY)
    clock.seconds = 61
    await passes.reconcile(KEY)
    assert stalled_reason(cluster) == "TargetNotFound"

    cluster.stored = replace(release(), uid="another", resource_version="900")
    await passes.reconcile(KEY)

    assert stalled_reason(cluster) is None


async def test_drift_in_the_middle_of_a_pass_is_refused_and_seen_by_the_next() -> None:
    cluster = MemoryCluster(release(), workload())
    read = cluster.target
    assert read is not None

    original = cluster.write_status

    async def slow_status(*arguments: object) -> str:
        changed = workload(container("x.example/y:2"), resource_version="99")
        cluster.target = changed
        return await original(*arguments)  # type: ignore[arg-type]

    cluster.write_status = slow_status  # type: ignore[method-assign,assignment]
    with pytest.raises(Conflict):
        await reconciler(cluster, HandClock()).reconcile(KEY)

    assert cluster.target is not None
    assert cluster.target.containers[0].image == "x.example/y:2"
