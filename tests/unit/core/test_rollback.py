"""Going back: overrides, failed rollouts, refused digests, and what the history says of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from objects import DIGEST_A, DIGEST_B, DIGEST_C
from pinnedrelease.core.actions import ApplyImages, EmitEvent, WriteStatus
from pinnedrelease.core.conditions import ConditionType, find
from pinnedrelease.core.digest import DeclaredDigest
from pinnedrelease.core.history import RevisionResult
from pinnedrelease.core.observed import Observed
from pinnedrelease.core.pin import DesiredPin, DriftPolicy, OnFailure, Override, RejectedDigest
from pinnedrelease.core.plan import Plan, plan
from pinnedrelease.core.registry import Fact, RegistryFacts
from pinnedrelease.core.workload import Rollout
from worlds import (
    NOON,
    PIN_A,
    PIN_B,
    after,
    at,
    container,
    desired,
    pin,
    settled,
    workload,
    world,
)

PIN_C = pin(DIGEST_C, "1.2")
STUCK = Rollout(desired=3, current=4, updated=1, ready=3)
INSTEAD_OF_B = Override(
    digest=DeclaredDigest.parse(DIGEST_A),
    instead_of=DeclaredDigest.parse(DIGEST_B),
    reason="1.1 loses orders",
)


def declare(observed: Observed, spec: DesiredPin, **changes: object) -> Observed:
    """The world after somebody has changed the spec."""
    of = observed.release
    changed = replace(of, spec=spec, generation=of.generation + 1, **changes)  # type: ignore[arg-type]
    return replace(observed, release=changed)


def on_b(**spec: object) -> Observed:
    """A world that has gone from A to B and is at rest."""
    first = settled(world(on=workload()))
    return settled(declare(first, desired(PIN_B, **spec)), 60)


def carried_out(observed: Observed, seconds: float) -> Observed:
    """One pass, with the pods left as they are."""
    return after(observed, plan(observed, at(seconds)))


def stuck(observed: Observed) -> Observed:
    """The pods do not become ready."""
    assert observed.workload is not None
    return replace(observed, workload=replace(observed.workload, rollout=STUCK))


def failed(spec: DesiredPin, seconds: float = 60) -> Observed:
    """A world in which the rollout of B has run out of time, and one pass has seen it."""
    rolling = declare(settled(world(on=workload())), spec)
    rolling = stuck(carried_out(rolling, seconds))
    rolling = carried_out(rolling, seconds + 1)
    return carried_out(rolling, seconds + 1 + spec.timeout.total_seconds())


def image_of(observed: Observed) -> str:
    assert observed.workload is not None
    return observed.workload.containers[0].image


def condition(observed: Observed, kind: ConditionType) -> tuple[str, str]:
    found = find(observed.release.status.conditions, kind)
    assert found is not None, f"no condition {kind}"
    return str(found.status), found.reason


def message(observed: Observed, kind: ConditionType) -> str:
    found = find(observed.release.status.conditions, kind)
    assert found is not None, f"no condition {kind}"
    return found.message


def actions(observed: Observed) -> list[str]:
    """The actions in the history, oldest first."""
    return [str(one.action) for one in reversed(observed.release.status.history.revisions)]


def writes(decided: Plan) -> bool:
    return any(isinstance(one, ApplyImages) for one in decided.actions)


def test_an_override_puts_its_digest_in_force_and_says_so() -> None:
    overridden = declare(on_b(), desired(PIN_B, override=INSTEAD_OF_B), overridden_by="ana")
    overridden = settled(overridden, 120)

    assert image_of(overridden) == PIN_A.image
    assert condition(overridden, ConditionType.READY) == ("True", "RolledBack")
    assert condition(overridden, ConditionType.ROLLED_BACK) == ("True", "OverrideActive")
    assert "1.1 loses orders" in message(overridden, ConditionType.ROLLED_BACK)
    head = overridden.release.status.history.head
    assert head is not None
    assert (head.action, head.cause.actor, head.cause.change_cause) == (
        "Override", "ana", "1.1 loses orders",
    )  # fmt: skip
    assert head.pin.tag == "1.0", "the tag is the one that was recorded with the digest"


def test_an_override_to_a_digest_that_nobody_has_named_shows_no_wrong_tag() -> None:
    override = replace(INSTEAD_OF_B, digest=DeclaredDigest.parse(DIGEST_C))
    overridden = settled(declare(on_b(), desired(PIN_B, override=override)), 120)

    assert image_of(overridden) == PIN_C.image
    assert overridden.release.status.effective is not None
    assert overridden.release.status.effective.pin.tag == "unknown"


def test_an_override_that_is_removed_ends_in_the_declared_pair() -> None:
    overridden = settled(declare(on_b(), desired(PIN_B, override=INSTEAD_OF_B)), 120)

    ended = settled(declare(overridden, desired(PIN_B)), 180)

    assert image_of(ended) == PIN_B.image
    assert condition(ended, ConditionType.ROLLED_BACK) == ("False", "NoOverride")
    assert actions(ended) == ["Initial", "Promote", "Override", "OverrideEnded"]


def test_an_override_ends_when_the_spec_moves_on_and_never_wakes_up_again() -> None:
    overridden = settled(declare(on_b(), desired(PIN_B, override=INSTEAD_OF_B)), 120)

    moved_on = settled(declare(overridden, desired(PIN_C, override=INSTEAD_OF_B)), 180)
    assert image_of(moved_on) == PIN_C.image
    assert condition(moved_on, ConditionType.ROLLED_BACK) == ("False", "OverrideSuperseded")
    assert condition(moved_on, ConditionType.READY) == ("True", "Pinned")
    assert actions(moved_on)[-1] == "Promote"

    back = settled(declare(moved_on, desired(PIN_B, override=INSTEAD_OF_B)), 240)
    assert image_of(back) == PIN_B.image
    assert condition(back, ConditionType.ROLLED_BACK) == ("False", "OverrideSuperseded")

    edited = replace(INSTEAD_OF_B, reason="again")
    again = settled(declare(back, desired(PIN_B, override=edited)), 300)
    assert image_of(again) == PIN_A.image


def test_an_expired_override_raises_an_alarm_and_rolls_nothing_forward() -> None:
    override = replace(INSTEAD_OF_B, expire_time=NOON + timedelta(seconds=200))
    overridden = settled(declare(on_b(), desired(PIN_B, override=override)), 120)
    waiting = plan(overridden, at(150))
    assert waiting.requeue_after_s == pytest.approx(50)

    expired = plan(overridden, at(201))

    assert not writes(expired)
    late = after(overridden, expired)
    assert condition(late, ConditionType.READY) == ("False", "OverrideExpired")
    assert condition(late, ConditionType.STALLED) == ("True", "OverrideExpired")
    assert condition(late, ConditionType.ROLLED_BACK) == ("True", "OverrideExpired")
    assert image_of(late) == PIN_A.image
    reasons = [one.reason for one in expired.actions if isinstance(one, EmitEvent)]
    assert reasons == ["OverrideExpired"]


def test_a_failed_rollout_goes_back_to_the_newest_revision_that_succeeded() -> None:
    taken_back = failed(desired(PIN_B, on_failure=OnFailure.ROLL_BACK))
    assert condition(taken_back, ConditionType.STALLED) == ("True", "RolloutTimeout")
    assert plan(taken_back, at(662)).requeue_after_s is not None

    back = settled(taken_back, 662)

    assert image_of(back) == PIN_A.image
    assert condition(back, ConditionType.READY) == ("False", "RolloutFailed")
    assert condition(back, ConditionType.STALLED) == ("True", "RolloutFailed")
    assert condition(back, ConditionType.ROLLED_BACK) == ("True", "RolloutFailed")
    results = [(str(one.action), one.result) for one in back.release.status.history.revisions]
    assert results == [
        ("AutoRollback", RevisionResult.SUCCEEDED),
        ("Promote", RevisionResult.FAILED),
        ("Initial", RevisionResult.SUCCEEDED),
    ]
    head = back.release.status.history.head
    assert head is not None
    assert head.cause.change_cause == "the rollout of 1.1 (sha256:bbbbbbbbbbbb) failed"


def test_a_pair_that_failed_is_tried_again_only_when_the_spec_changes() -> None:
    spec = desired(PIN_B, on_failure=OnFailure.ROLL_BACK)
    back = settled(failed(spec), 662)

    assert not plan(back, at(5000)).actions
    patient = declare(back, replace(spec, timeout=timedelta(hours=1)))

    again = settled(patient, 5100)
    assert image_of(again) == PIN_B.image
    assert actions(again) == ["Initial", "Promote", "AutoRollback", "Promote"]


def test_a_rollback_that_fails_as_well_is_not_followed_by_another() -> None:
    first = settled(world(on=workload()))
    second = settled(declare(first, desired(PIN_C)), 60)
    rolling = declare(second, desired(PIN_B, on_failure=OnFailure.ROLL_BACK))
    rolling = carried_out(stuck(carried_out(rolling, 120)), 121)
    rolling = carried_out(rolling, 721)
    going_back = stuck(carried_out(rolling, 722))
    assert image_of(going_back) == PIN_C.image

    late = carried_out(carried_out(going_back, 723), 1400)

    assert condition(late, ConditionType.STALLED) == ("True", "RolloutTimeout")
    assert image_of(late) == PIN_C.image
    assert not plan(late, at(3000)).actions


def test_a_failed_rollout_with_nothing_to_go_back_to_stays_and_says_so() -> None:
    spec = desired(PIN_A, on_failure=OnFailure.ROLL_BACK)
    rolling = stuck(carried_out(world(on=workload(), of=None), 0))
    rolling = replace(rolling, release=replace(rolling.release, spec=spec))
    late = carried_out(carried_out(rolling, 1), 700)

    assert condition(late, ConditionType.STALLED) == ("True", "RolloutTimeout")
    assert "no earlier revision" in message(late, ConditionType.STALLED)
    assert late.release.status.failed_generation is None


@pytest.mark.parametrize(
    "spec",
    [
        desired(PIN_B),
        desired(PIN_B, on_failure=OnFailure.ROLL_BACK, drift_policy=DriftPolicy.REPORT),
    ],
)
def test_nobody_who_did_not_ask_for_it_is_rolled_back(spec: DesiredPin) -> None:
    late = failed(spec)

    assert late.release.status.failed_generation is None
    assert not writes(plan(late, at(5000)))


def test_pods_that_break_after_they_were_ready_are_no_reason_to_go_back() -> None:
    spec = desired(PIN_B, on_failure=OnFailure.ROLL_BACK)
    broken = stuck(on_b(on_failure=OnFailure.ROLL_BACK))

    late = carried_out(carried_out(broken, 120), 120 + 1 + spec.timeout.total_seconds())

    assert condition(late, ConditionType.STALLED) == ("True", "RolloutTimeout")
    assert late.release.status.failed_generation is None


def test_a_revision_that_somebody_else_has_written_is_no_target() -> None:
    late = failed(desired(PIN_B, on_failure=OnFailure.ROLL_BACK))
    history = late.release.status.history
    edited = replace(
        history,
        revisions=tuple(replace(one, edited_by="kubectl-edit") for one in history.revisions),
    )
    status = replace(late.release.status, history=edited)

    decided = plan(replace(late, release=replace(late.release, status=status)), at(700))

    assert not writes(decided)


def test_a_refused_digest_is_not_rolled_out_and_the_workload_is_left_alone() -> None:
    refused = (RejectedDigest(digest=PIN_B.digest, reason="INC-4711"),)
    first = settled(world(on=workload()))

    refusing = declare(first, desired(PIN_B, rejected=refused))
    decided = plan(refusing, at(60))

    assert not writes(decided)
    late = after(refusing, decided)
    assert condition(late, ConditionType.STALLED) == ("True", "DigestRejected")
    assert "INC-4711" in message(late, ConditionType.STALLED)
    assert image_of(late) == PIN_A.image
    assert actions(late) == ["Initial"]
    lifted = settled(declare(late, desired(PIN_B)), 120)
    assert image_of(lifted) == PIN_B.image


def test_neither_override_nor_failure_leads_to_a_refused_digest() -> None:
    refused = (RejectedDigest(digest=PIN_A.digest, reason="INC-4711"),)
    overriding = declare(on_b(), desired(PIN_B, override=INSTEAD_OF_B, rejected=refused))
    assert not writes(plan(overriding, at(120)))

    late = failed(desired(PIN_B, on_failure=OnFailure.ROLL_BACK, rejected=refused))
    assert not writes(plan(late, at(700)))


def test_a_cause_is_not_inherited_from_the_revision_before() -> None:
    first = settled(world(on=workload()))
    told = settled(declare(first, desired(PIN_B, change_cause="run 8812")), 60)
    left_over = settled(declare(told, desired(PIN_C, change_cause="run 8812")), 120)
    new = settled(declare(left_over, desired(PIN_B, change_cause="run 9001")), 180)

    causes = [one.cause.change_cause for one in reversed(new.release.status.history.revisions)]

    assert causes == [None, "run 8812", None, "run 9001"]


def test_numbers_are_not_reused_when_the_status_was_lost() -> None:
    lost = on_b()
    status = replace(
        lost.release.status, history=replace(lost.release.status.history, revisions=()), revision=0
    )
    lost = replace(lost, release=replace(lost.release, status=status))

    found = settled(declare(lost, desired(PIN_C)), 120)

    assert found.release.status.revision == 3


def test_a_rollback_whose_entry_somebody_has_rewritten_is_chosen_anew() -> None:
    """The right to write a status would have been the right to choose what runs."""
    back = failed(desired(PIN_B, on_failure=OnFailure.ROLL_BACK))
    back = carried_out(back, 2000)
    (head, *others) = back.release.status.history.revisions
    assert (head.action, head.pin.digest) == ("AutoRollback", PIN_A.digest)
    forged = replace(head, pin=PIN_C, edited_by="mallory")
    history = replace(back.release.status.history, revisions=(forged, *others))
    status = replace(back.release.status, history=history)

    decided = plan(replace(back, release=replace(back.release, status=status)), at(2010))

    written = [one for one in decided.actions if isinstance(one, ApplyImages)]
    assert all(container.pin.digest == PIN_A.digest for one in written for container in one.pinned)
    assert not any(
        isinstance(one, WriteStatus)
        and one.status.effective is not None
        and one.status.effective.pin.digest != PIN_A.digest
        for one in decided.actions
    )


def test_a_correction_gives_the_rollout_its_time_again() -> None:
    """Drift just before the timeout took back a pair whose pods had had seven seconds."""
    spec = desired(PIN_B, on_failure=OnFailure.ROLL_BACK)
    rolling = stuck(carried_out(declare(settled(world(on=workload())), spec), 60))
    rolling = carried_out(rolling, 61)
    late_s = 61 + spec.timeout.total_seconds() - 5
    assert rolling.workload is not None
    drifted = replace(rolling.workload, containers=(container("elsewhere.example.com/x:1"),))
    rolling = stuck(carried_out(replace(rolling, workload=drifted), late_s))

    after_the_timeout = carried_out(rolling, late_s + 10)

    assert after_the_timeout.release.status.failed_generation is None
    assert carried_out(rolling, late_s + 700).release.status.failed_generation is not None


def test_the_alarm_of_an_override_rings_while_suspended() -> None:
    expiring = replace(INSTEAD_OF_B, expire_time=NOON + timedelta(hours=1))
    spec = desired(PIN_B, override=expiring)
    quiet = settled(declare(settled(declare(on_b(), spec), 120), replace(spec, suspend=True)), 180)
    assert condition(quiet, ConditionType.READY) == ("True", "Suspended")

    rung = carried_out(quiet, 3700)

    assert condition(rung, ConditionType.READY) == ("False", "OverrideExpired")


def test_an_override_that_ended_while_a_registry_was_asked_does_not_wake_up() -> None:
    overridden = settled(declare(on_b(), desired(PIN_B, override=INSTEAD_OF_B)), 120)
    asked = RegistryFacts(digest=Fact(asked_since_s=at(180).monotonic_s))
    moved_on = declare(overridden, desired(PIN_C, override=INSTEAD_OF_B))
    moved_on = carried_out(replace(moved_on, registry=asked), 180)

    back = declare(moved_on, desired(PIN_B, override=INSTEAD_OF_B))
    back = settled(replace(back, registry=RegistryFacts()), 182)

    assert image_of(back) == PIN_B.image
