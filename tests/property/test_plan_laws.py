"""Laws of plan(): for arbitrary worlds, not for those that somebody thought of."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from arbitrary_worlds import worlds
from pinnedrelease.core.actions import ApplyImages, RecordIntent, WriteStatus
from pinnedrelease.core.conditions import ConditionStatus, ConditionType, find
from pinnedrelease.core.digest import DeclaredDigest
from pinnedrelease.core.drift import DriftKind
from pinnedrelease.core.observed import (
    InvalidSpec,
    Observed,
)
from pinnedrelease.core.pin import (
    DesiredPin,
    DriftPolicy,
    OnFailure,
)
from pinnedrelease.core.plan import Plan, plan
from pinnedrelease.core.pods import current_pods
from pinnedrelease.core.proof import (
    Verdict,
    judge,
)
from pinnedrelease.core.registry import (
    RegistryFacts,
)
from pinnedrelease.core.registry_gate import Gate, gate
from pinnedrelease.core.situation import assess, known_proof
from status_lint import lint
from worlds import after, at, rolled_out


def apply_of(decided: Plan) -> ApplyImages | None:
    return next((one for one in decided.actions if isinstance(one, ApplyImages)), None)


@given(worlds)
def test_plan_is_total_and_deterministic(observed: Observed) -> None:
    assert plan(observed, at()) == plan(observed, at())


def declared_digest(observed: Observed, spec: DesiredPin) -> DeclaredDigest:
    """Design 3.1 once more, as a person would say it."""
    status, override = observed.release.status, spec.override
    if override and override != status.ended_override and override.instead_of == spec.pin.digest:
        return override.digest
    if spec.on_failure is OnFailure.ROLL_BACK and (
        status.failed_generation == observed.release.generation
    ):
        head = status.history.head
        if (
            head
            and head.action == "AutoRollback"
            and head.cause.generation == (observed.release.generation)
        ):
            return head.pin.digest
        for one in status.history.revisions:
            is_good = one.result == "Succeeded" and one.edited_by is None
            if (
                is_good
                and one.pin.digest != spec.pin.digest
                and not spec.rejection_of(one.pin.digest)
            ):
                return one.pin.digest
    return spec.pin.digest


@given(worlds)
def test_only_the_effective_pin_of_the_spec_is_ever_written(observed: Observed) -> None:
    action = apply_of(plan(observed, at()))
    if action is None:
        return
    spec = observed.release.spec
    assert not isinstance(spec, InvalidSpec)
    assert {one.pin.digest for one in action.pinned} == {declared_digest(observed, spec)}
    assert {one.pin.repository for one in action.pinned} == {spec.pin.repository}
    assert spec.rejection_of(action.pinned[0].pin.digest) is None
    assert not spec.suspend
    assert spec.drift_policy is DriftPolicy.CORRECT


@given(worlds)
def test_a_registry_can_hold_a_write_back_and_never_change_one(observed: Observed) -> None:
    unasked = replace(observed, registry=RegistryFacts())
    action, without = apply_of(plan(observed, at())), apply_of(plan(unasked, at()))

    if action is not None:
        assert without is not None
        assert action == without
    elif without is not None:
        situation = assess(observed)
        assert situation is not None
        assert situation.is_new_pair


@given(worlds)
def test_no_registry_answer_makes_ready_false_for_what_is_in_force(
    observed: Observed,
) -> None:
    situation = assess(observed)
    if situation is None or situation.is_new_pair:
        return
    unasked = replace(observed, registry=RegistryFacts())

    decisive = [
        [one.consequence for one in plan(seen, at()).findings[:1]] for seen in (observed, unasked)
    ]
    assert decisive[0] == decisive[1]


@given(worlds)
def test_a_write_names_each_container_that_we_own_and_keeps_what_is_not_ours(
    observed: Observed,
) -> None:
    action = apply_of(plan(observed, at()))
    if action is None:
        return
    assert observed.workload is not None
    present = {one.name: one.image for one in observed.workload.containers}
    named = {one.name for one in action.pinned} | {one.name for one in action.kept}
    assert observed.workload.owned_containers <= named <= present.keys()
    assert all(present[one.name] == one.image for one in action.kept)


@given(worlds)
def test_a_new_pair_is_in_the_history_before_it_is_written(observed: Observed) -> None:
    decided = plan(observed, at())
    action = apply_of(decided)
    if action is None or not action.pinned:
        return
    before_write = observed.release.status.history
    for one in decided.actions:
        if isinstance(one, RecordIntent):
            before_write = one.status.history
        if isinstance(one, ApplyImages):
            break
    assert before_write.head is not None
    assert before_write.head.pin == action.pinned[0].pin


@given(worlds)
def test_no_history_entry_is_lost_but_by_the_limit(observed: Observed) -> None:
    spec = observed.release.spec
    for action in plan(observed, at()).actions:
        if not isinstance(action, RecordIntent | WriteStatus):
            continue
        assert not isinstance(spec, InvalidSpec) or (
            action.status.history == observed.release.status.history
        )
        numbers = [one.number for one in action.status.history.revisions]
        assert numbers == sorted(set(numbers), reverse=True)
        limit = 50 if isinstance(spec, InvalidSpec) else max(spec.revision_history_limit, 2)
        before = {one.number for one in observed.release.status.history.revisions}
        lost = before - set(numbers)
        assert not lost or len(numbers) >= limit
        assert len(numbers) <= max(limit, 4) or not lost
        assert action.status.revision >= observed.release.status.revision


@given(worlds)
def test_ready_true_means_that_nothing_governed_differs(observed: Observed) -> None:
    for action in plan(observed, at()).actions:
        if not isinstance(action, WriteStatus):
            continue
        condition = find(action.status.conditions, ConditionType.READY)
        assert condition is not None
        if condition.status is ConditionStatus.TRUE:
            situation = assess(observed)
            assert situation is not None
            assert not situation.differing
            assert situation.governed


@given(worlds)
def test_counts_of_pods_add_up(observed: Observed) -> None:
    for action in plan(observed, at()).actions:
        if isinstance(action, WriteStatus) and observed.pods is not None:
            counts = action.status.pods
            if counts is not None and assess(observed) is not None:
                assert counts.current == len(current_pods(observed.pods))
                total = counts.matching + counts.mismatched + counts.unknown
                assert total == counts.current
                assert min(counts.matching, counts.mismatched, counts.unknown) >= 0


@given(worlds)
def test_ready_true_means_that_every_pod_is_proven_or_the_object_says_otherwise(
    observed: Observed,
) -> None:
    decided = plan(observed, at())
    for action in decided.actions:
        if not isinstance(action, WriteStatus) or observed.pods is None:
            continue
        ready = find(action.status.conditions, ConditionType.READY)
        counts = action.status.pods
        if ready is None or counts is None or ready.status is not ConditionStatus.TRUE:
            continue
        assert counts.mismatched == 0 or ready.reason == "Suspended"
        if ready.reason == "Pinned" and counts.desired and counts.unknown:
            assert f"{counts.unknown} of them" in ready.message


@given(worlds)
def test_what_is_not_proven_is_never_drift(observed: Observed) -> None:
    situation = assess(observed)
    for action in plan(observed, at()).actions:
        if not isinstance(action, WriteStatus) or situation is None:
            continue
        before = observed.release.status.drift
        new = [one for one in action.status.drift if one not in before]
        for record in new:
            if record.kind is not DriftKind.POD_IMAGE or record.correct_time is not None:
                continue
            proof = known_proof(observed, situation)
            asked = {
                container.image
                for pod in observed.pods or ()
                for container in pod.containers
                if container.image_id == record.observed
            }
            verdicts = {
                judge(record.observed, image, proof, observed.registry.contents) for image in asked
            }
            assert Verdict.DIFFERS in verdicts


@given(worlds)
def test_every_status_keeps_the_rules_of_kstatus(observed: Observed) -> None:
    for action in plan(observed, at()).actions:
        if isinstance(action, RecordIntent | WriteStatus):
            lint(action.status, observed.release.generation)


@given(worlds)
def test_from_any_start_it_comes_to_rest_and_is_silent(observed: Observed) -> None:
    """Eventually stable reconciliation: once nobody disturbs, a few passes lead to silence."""
    seconds = 0.0
    for _ in range(12):
        decided = plan(observed, at(seconds))
        if not decided.actions and decided.requeue_after_s is None:
            break
        observed = after(observed, decided)
        if observed.workload is not None:
            observed = rolled_out(observed)
        seconds += max(decided.requeue_after_s or 0.0, 5.0)
    else:
        # A fight is remembered for ten minutes; after that there must be silence too.
        seconds += 700
        observed = after(observed, plan(observed, at(seconds)))
        seconds += 5
    final = plan(observed, at(seconds + 5))
    assert final.actions == ()
    situation = assess(observed)
    if situation is not None and situation.writes_allowed and not observed.release.deleting:
        fence = situation.workload.fence_of(observed.release.name)
        stale = fence is not None and fence.generation > observed.release.generation
        held = gate(observed, situation, at(seconds + 5)) is Gate.CLOSED
        rejected = situation.rejection is not None
        assert stale or held or rejected or not situation.differing
