"""Writes of the workload that are refused: told at once, and tried again with pauses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from memory_cluster import MemoryCluster
from objects import DIGEST_A, DIGEST_B, REPOSITORY
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
from pinnedrelease.cluster.errors import Forbidden, Invalid
from pinnedrelease.core.actions import ApplyImages
from pinnedrelease.core.conditions import ConditionType, find
from pinnedrelease.core.observed import Limits, Release
from pinnedrelease.core.status import Status
from pinnedrelease.core.workload import Workload
from pinnedrelease.reconcile.reconciler import Reconciler
from worlds import PIN_B, container, desired, pin, release, workload


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
    await goes_on(cluster, passes)


async def test_a_write_that_a_webhook_rewrites_is_not_called_done() -> None:
    """The status told of a pin, then of drift by ourselves that was put right; neither was so."""
    cluster, clock = MemoryCluster(release(), workload()), HandClock()
    cluster.rewrite = MIRROR
    passes = reconciler(cluster, clock)

    wait_s = await passes.reconcile(KEY)

    assert wait_s == pytest.approx(10)
    assert cluster.writes == ["status", "workload", "status", "WriteRefused"]
    assert stalled_reason(cluster) == "WriteRefused"
    assert cluster.stored is not None
    status, head = cluster.stored.status, cluster.stored.status.history.head
    ready = find(status.conditions, ConditionType.READY)
    assert ready is not None
    assert f"stored with mirror.example.com/team/web@{DIGEST_A}" in ready.message
    assert head is not None
    assert (head.result, status.drift) == ("Planned", ())

    cluster.writes.clear()
    await passes.reconcile(KEY)
    assert cluster.writes == []

    cluster.rewrite = None
    clock.seconds = 11
    await goes_on(cluster, passes)


async def test_a_pair_that_a_webhook_rewrote_is_not_said_to_have_been_in_force() -> None:
    """Its marks were stored beside another image, and counted as proof that it had got there."""
    cluster, clock = MemoryCluster(release(), workload()), HandClock()
    cluster.rewrite = MIRROR
    passes = reconciler(cluster, clock)
    await passes.reconcile(KEY)
    mirrored = pin(repository="mirror.example.com/team/web")
    declare(cluster, desired(mirrored))

    clock.seconds = 60
    await passes.reconcile(KEY)

    assert results(cluster) == ["InProgress", "NotApplied"]
    assert stalled_reason(cluster) is None


async def test_whoever_changed_an_image_stays_named_when_a_webhook_keeps_us_from_it() -> None:
    cluster, clock = MemoryCluster(release(), workload()), HandClock()
    passes = reconciler(cluster, clock)
    await passes.reconcile(KEY)
    theirs = container("mirror.example.com/team/web:1.1")
    assert cluster.target is not None
    cluster.target = replace(cluster.target, containers=(theirs,), resource_version="30")
    cluster.rewrite = MIRROR
    await passes.reconcile(KEY)
    assert cluster.target.containers[0].actor == "pinnedrelease-controller"
    cluster.writes.clear()

    await passes.reconcile(KEY)

    assert cluster.writes == []
    assert cluster.stored is not None
    (record,) = cluster.stored.status.drift
    assert (record.observed, record.actor) == (theirs.image, "kubectl-set")
    assert record.correct_time is None
    assert stalled_reason(cluster) == "WriteRefused"

    clock.seconds = 3
    await passes.reconcile(KEY)

    assert cluster.stored.status.drift == (record,)
    drifted = find(cluster.stored.status.conditions, ConditionType.DRIFTED)
    assert drifted is not None
    assert drifted.message.endswith("(by an admission webhook)")


async def test_drift_is_not_over_when_another_pair_is_declared_and_refused_too() -> None:
    """The status told of a return to the first pair, while the other image was still there."""
    cluster, clock = MemoryCluster(release(), workload()), HandClock()
    passes = reconciler(cluster, clock)
    await passes.reconcile(KEY)
    disturb(cluster, f"{REPOSITORY}:dev")
    cluster.refuse_workload = Forbidden("no")
    await passes.reconcile(KEY)
    declare(cluster, desired(PIN_B))
    cluster.writes.clear()

    await passes.reconcile(KEY)

    assert "DriftCorrected" not in cluster.writes
    assert cluster.stored is not None
    assert [one.correct_time for one in cluster.stored.status.drift] == [None]

    cluster.refuse_workload, clock.seconds = None, 60
    await passes.reconcile(KEY)

    assert [one.correct_time is None for one in cluster.stored.status.drift] == [False]


async def test_a_new_generation_is_refused_for_the_first_time() -> None:
    """It waited as long as its predecessor had come to wait, which nobody had refused so often."""
    cluster, clock = MemoryCluster(release(), workload()), HandClock()
    cluster.refuse_workload = Forbidden("no")
    passes = reconciler(cluster, clock)
    waits_s = []
    for _ in range(9):
        waits_s.append(await passes.reconcile(KEY) or 0.0)
        clock.seconds += waits_s[-1] + 1
    assert waits_s[-1] > 20
    declare(cluster, desired(PIN_B))

    assert await passes.reconcile(KEY) == pytest.approx(10)


async def test_pins_that_may_not_be_taken_off_do_not_silence_the_status() -> None:
    """The refusal came before the status, again and again, and nothing told of it."""
    pinned = workload(
        container(f"{REPOSITORY}@{DIGEST_A}"),
        marks=(("pin.pinnedrelease.dev/web", f"{REPOSITORY}@{DIGEST_A}"),),
    )
    cluster, clock = MemoryCluster(release(desired(suspend=True)), pinned), HandClock()
    cluster.refuse_workload = Forbidden("no")
    passes = Reconciler(cluster, cluster, cluster, clock, Limits(admission_hold=True))

    wait_s = await passes.reconcile(KEY)

    assert wait_s == pytest.approx(10)
    assert cluster.stored is not None
    assert cluster.stored.status.observed_generation == 1
    cluster.refuse_workload = None
    clock.seconds = 11
    await passes.reconcile(KEY)
    assert cluster.target is not None
    assert cluster.target.marks == ()


@pytest.mark.parametrize(
    "ask",
    [
        lambda stored: replace(stored, spec=desired(PIN_B), generation=2),
        lambda stored: replace(stored, requested_at="now"),
        lambda stored: replace(stored, uid="another", status=Status()),
    ],
    ids=["spec", "annotation", "another object"],
)
@pytest.mark.parametrize("refusal", [Forbidden("no"), Invalid("no")])
async def test_whoever_asks_anew_while_a_write_is_refused_gets_a_pass_of_their_own(
    refusal: Exception, ask: Callable[[Release], Release]
) -> None:
    """The plan that was to tell of the refusal wrote instead, and nobody caught what that met."""
    cluster = AskedAnew(release(), workload())
    cluster.refuse_workload, cluster.ask = refusal, ask

    await reconciler(cluster, HandClock()).reconcile(KEY)

    assert cluster.writes.count("tried") == 2
    assert stalled_reason(cluster) is not None
    assert cluster.stored is not None
    assert cluster.stored.status.observed_generation == cluster.stored.generation


async def test_a_touch_that_a_webhook_rewrites_is_told_by_what_is_stored_now() -> None:
    """The image was right before the write, so the status said that it was pinned."""
    cluster, clock = MemoryCluster(release(), workload()), HandClock()
    passes = reconciler(cluster, clock)
    await passes.reconcile(KEY)
    disturb(cluster, f"{REPOSITORY}@{DIGEST_B}")
    declare(cluster, desired(PIN_B))
    cluster.rewrite = MIRROR

    await passes.reconcile(KEY)

    assert stalled_reason(cluster) == "WriteRefused"
    assert results(cluster)[0] == "Planned"
    assert cluster.stored is not None
    assert cluster.stored.status.drift == ()
    drifted = find(cluster.stored.status.conditions, ConditionType.DRIFTED)
    assert drifted is not None
    assert "1 of 1 containers have not got it yet" in drifted.message


class Vanishing(MemoryCluster):
    """The target is deleted right after a write of ours."""

    async def apply_images(self, release: Release, action: ApplyImages) -> Workload:
        stored = await super().apply_images(release, action)
        self.target = None
        return stored


async def test_a_target_that_is_gone_after_a_rewritten_write_is_told_as_gone() -> None:
    cluster = Vanishing(release(), workload())
    cluster.rewrite = MIRROR

    await reconciler(cluster, HandClock()).reconcile(KEY)

    assert cluster.stored is not None
    reconciling = find(cluster.stored.status.conditions, ConditionType.RECONCILING)
    assert reconciling is not None
    assert reconciling.reason == "WaitingForTarget"
