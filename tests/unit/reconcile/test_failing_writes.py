"""Writes of the workload that get no usable answer: told once that has lasted for seconds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memory_cluster import MemoryCluster
from objects import DIGEST_A, REPOSITORY
from passes import (
    KEY,
    MIRROR,
    AskedAnew,
    HandClock,
    declare,
    disturb,
    goes_on,
    reconciler,
    results,
    stalled_reason,
)
from pinnedrelease.cluster.errors import Forbidden, Invalid, Unavailable
from pinnedrelease.cluster.session import DEADLINE_S
from pinnedrelease.core.actions import ApplyImages
from pinnedrelease.core.conditions import ConditionType, find
from pinnedrelease.core.observed import Release
from pinnedrelease.core.workload import Workload
from pinnedrelease.reconcile.reconciler import Reconciler
from worlds import PIN_B, desired, release, workload


async def test_drift_is_told_although_each_correction_fails() -> None:
    """A webhook that does not answer: the status went on saying that all was as declared."""
    cluster, clock = MemoryCluster(release(), workload()), HandClock()
    passes = reconciler(cluster, clock)
    await passes.reconcile(KEY)
    disturb(cluster, f"{REPOSITORY}:dev")
    cluster.writes.clear()
    for number in range(9):
        cluster.refuse_workload = Unavailable(f"failed calling webhook from port {number}")
        with pytest.raises(Unavailable):
            await passes.reconcile(KEY)
        assert cluster.writes == [], "a hiccup is nothing to tell, however often events repeat it"

    clock.seconds = 5
    assert await passes.reconcile(KEY) == pytest.approx(5)
    assert cluster.writes == ["status", "DriftDetected", "WriteRefused"]
    assert cluster.stored is not None
    ready = find(cluster.stored.status.conditions, ConditionType.READY)
    assert ready is not None
    assert "does not get through: failed calling webhook from port 8;" in ready.message
    assert f"have to answer within {DEADLINE_S:g} s" in ready.message
    assert [one.correct_time for one in cluster.stored.status.drift] == [None]

    cluster.writes.clear()
    cluster.refuse_workload = Unavailable("failed calling webhook from port 9")
    clock.seconds = 11
    assert await passes.reconcile(KEY) == pytest.approx(10)
    assert cluster.writes == [], "another port is no news"
    cluster.refuse_workload = None
    clock.seconds = 30
    await goes_on(cluster, passes)


async def test_an_api_server_that_is_back_is_not_kept_waiting() -> None:
    """It answered nothing for long; the next pass writes, though nobody could be told."""
    cluster, clock = MemoryCluster(release(), workload()), HandClock()
    passes = reconciler(cluster, clock)
    await passes.reconcile(KEY)
    disturb(cluster, f"{REPOSITORY}:dev")
    cluster.refuse_workload = cluster.refuse_status = Unavailable("no answer")
    for _ in range(20):
        clock.seconds += 1
        with pytest.raises(Unavailable):
            await passes.reconcile(KEY)

    cluster.refuse_workload = cluster.refuse_status = None
    await passes.reconcile(KEY)

    assert cluster.target is not None
    assert cluster.target.containers[0].image == f"{REPOSITORY}@{DIGEST_A}"


async def test_a_write_that_was_stored_although_it_failed_is_not_counted() -> None:
    class Silent(MemoryCluster):
        is_silent = False

        async def apply_images(self, release: Release, action: ApplyImages) -> Workload:
            stored = await super().apply_images(release, action)
            if self.is_silent:
                raise Unavailable("no answer")
            return stored

    cluster = Silent(release(), workload())
    passes = reconciler(cluster, HandClock())
    await passes.reconcile(KEY)
    for _ in range(20):
        disturb(cluster, f"{REPOSITORY}:dev")
        cluster.is_silent = True
        with pytest.raises(Unavailable):
            await passes.reconcile(KEY)
        cluster.is_silent = False
        await passes.reconcile(KEY)

    assert stalled_reason(cluster) != "WriteRefused"


async def test_two_failures_five_seconds_apart_are_told_and_a_hundred_within_them_are_not() -> None:
    cluster, clock = MemoryCluster(release(), workload()), HandClock()
    passes = reconciler(cluster, clock)
    cluster.refuse_workload = Unavailable("no answer")
    for _ in range(100):
        with pytest.raises(Unavailable):
            await passes.reconcile(KEY)
        clock.seconds += 0.049
    assert stalled_reason(cluster) is None
    clock.seconds = 5

    await passes.reconcile(KEY)

    assert stalled_reason(cluster) == "WriteRefused"


async def test_one_failure_among_refusals_is_a_hiccup() -> None:
    cluster, clock = MemoryCluster(release(), workload()), HandClock()
    cluster.rewrite = MIRROR
    passes = reconciler(cluster, clock)
    for _ in range(10):
        clock.seconds += await passes.reconcile(KEY) or 0.0
    cluster.writes.clear()
    cluster.refuse_workload = Unavailable("no answer")

    with pytest.raises(Unavailable):
        await passes.reconcile(KEY)

    assert cluster.writes == []


class Hanging(MemoryCluster):
    """A webhook hangs: each write takes until its deadline. Reads are slow as well."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__(release(), workload())
        self.clock = clock

    async def apply_images(self, release: Release, action: ApplyImages) -> Workload:
        self.clock.seconds += DEADLINE_S
        self.writes.append("tried")
        return await super().apply_images(release, action)

    async def release(self, namespace: str, name: str) -> Release | None:
        self.clock.seconds += 3
        return await super().release(namespace, name)


@pytest.mark.parametrize("chance", [0.0, 0.9])
async def test_a_pause_begins_when_a_hanging_write_has_ended(chance: float) -> None:
    """It was over before it had been told, so that the pass wrote once more, and panicked."""
    clock = HandClock()
    clock.chance = chance
    cluster = Hanging(clock)
    cluster.refuse_workload = Unavailable("no answer")
    passes = reconciler(cluster, clock)
    with pytest.raises(Unavailable):
        await passes.reconcile(KEY)
    assert clock.seconds < 10
    cluster.writes.clear()

    wait_s = await passes.reconcile(KEY)

    assert cluster.writes == ["tried", "status", "WriteRefused"]
    assert stalled_reason(cluster) == "WriteRefused"
    assert wait_s == pytest.approx(5 * (1 - chance / 2))


async def returned(cluster: MemoryCluster, clock: HandClock) -> Reconciler:
    """A is in force, B failed to be written and is told of, and A is declared again."""
    passes = reconciler(cluster, clock)
    await passes.reconcile(KEY)
    declare(cluster, desired(PIN_B))
    cluster.refuse_workload = Unavailable("no answer")
    with pytest.raises(Unavailable):
        await passes.reconcile(KEY)
    clock.seconds += 5
    await passes.reconcile(KEY)
    assert stalled_reason(cluster) == "WriteRefused"
    declare(cluster, desired())
    return passes


async def test_a_touch_that_keeps_failing_is_told() -> None:
    """The image is right already, so the refusal was dropped, and each pass ended in a panic."""
    cluster, clock = MemoryCluster(release(), workload()), HandClock()
    passes = await returned(cluster, clock)
    for _ in range(6):
        with pytest.raises(Unavailable):
            await passes.reconcile(KEY)

    clock.seconds += 5
    await passes.reconcile(KEY)

    assert stalled_reason(cluster) == "WriteRefused"
    assert results(cluster)[:2] == ["Planned", "Planned"], "B may still arrive"
    cluster.writes.clear()
    await passes.reconcile(KEY)
    assert cluster.writes == []
    cluster.refuse_workload = None
    clock.seconds += 6
    await goes_on(cluster, passes)
    assert results(cluster)[:2] == ["InProgress", "NotApplied"]


@pytest.mark.parametrize(
    ("refusal", "reason"), [(Forbidden("no"), "AccessDenied"), (Invalid("no"), "WriteRefused")]
)
async def test_a_touch_that_is_refused_is_not_skipped(refusal: Exception, reason: str) -> None:
    """The image is right, so the pair was confirmed, while the other might still arrive."""
    cluster, clock = MemoryCluster(release(), workload()), HandClock()
    passes = await returned(cluster, clock)
    cluster.refuse_workload = refusal

    await passes.reconcile(KEY)
    assert stalled_reason(cluster) == reason
    assert results(cluster)[:2] == ["Planned", "Planned"]

    cluster.refuse_workload = None
    clock.seconds += 11
    cluster.writes.clear()
    await goes_on(cluster, passes)
    assert cluster.writes.count("workload") == 1
    assert results(cluster)[:2] == ["InProgress", "NotApplied"]


async def test_whoever_asks_anew_once_failures_are_told_gets_a_pass_of_their_own() -> None:
    cluster, clock = AskedAnew(release(), workload()), HandClock()
    cluster.refuse_workload = Unavailable("no answer")
    passes = reconciler(cluster, clock)
    with pytest.raises(Unavailable):
        await passes.reconcile(KEY)
    clock.seconds = 5
    cluster.ask = lambda stored: replace(stored, spec=desired(PIN_B), generation=2)

    with pytest.raises(Unavailable):
        await passes.reconcile(KEY)

    assert stalled_reason(cluster) is None, "the new spec has failed once"
    clock.seconds = 10
    await passes.reconcile(KEY)
    assert stalled_reason(cluster) == "WriteRefused"
