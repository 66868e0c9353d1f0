"""plan(): one world in, one plan out."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from objects import DIGEST_A, REPOSITORY
from pinnedrelease.api.convert import status_to_wire
from pinnedrelease.core.actions import (
    ApplyImages,
    EmitEvent,
    KeptContainer,
    PinnedContainer,
    RecordIntent,
    WriteStatus,
)
from pinnedrelease.core.conditions import Condition, ConditionStatus, ConditionType, find
from pinnedrelease.core.history import RevisionAction, RevisionResult
from pinnedrelease.core.observed import InvalidSpec, Memory, Observed, Refusal, RefusalKind
from pinnedrelease.core.pin import DriftPolicy, Target, TargetKind
from pinnedrelease.core.plan import Plan, plan
from pinnedrelease.core.status import Status
from pinnedrelease.core.workload import Fence, Rollout
from worlds import (
    HALFWAY,
    NOON,
    PIN_A,
    PIN_B,
    after,
    at,
    container,
    desired,
    pin,
    release,
    rolled_out,
    settled,
    workload,
    world,
)

PINNED_A = f"{REPOSITORY}@{DIGEST_A}"


def kinds(decided: Plan) -> list[str]:
    return [
        action.reason if isinstance(action, EmitEvent) else type(action).__name__
        for action in decided.actions
    ]


def final_status(decided: Plan) -> Status:
    return next(one.status for one in decided.actions if isinstance(one, WriteStatus))


def the_apply(decided: Plan) -> ApplyImages:
    return next(one for one in decided.actions if isinstance(one, ApplyImages))


def ready(status: Status) -> tuple[str, str]:
    condition = find(status.conditions, ConditionType.READY)
    assert condition is not None
    return str(condition.status), condition.reason


def pinned_world() -> Observed:
    return settled(world(on=workload()))


def promoted(observed: Observed, **changes: object) -> Observed:
    spec = desired(PIN_B)
    newer = replace(observed.release, spec=spec, generation=2, resource_version="50")
    return replace(observed, release=replace(newer, **changes))  # type: ignore[arg-type]


def test_a_new_pin_is_recorded_before_the_workload_is_written() -> None:
    decided = plan(world(on=workload()), at())

    assert kinds(decided) == ["RecordIntent", "ApplyImages", "WriteStatus", "DigestPinned"]
    intent = next(one.status for one in decided.actions if isinstance(one, RecordIntent))
    assert intent.history.head is not None
    assert intent.history.head.result is RevisionResult.PLANNED
    assert intent.observed_generation is None
    assert final_status(decided).observed_generation == 1


def test_a_workload_write_carries_uid_version_images_and_marks() -> None:
    on = workload(container(f"{REPOSITORY}:1.0"), container("example.com/proxy:2", name="proxy"))

    action = the_apply(plan(world(on=on), at()))

    assert action == ApplyImages(
        target=on.target,
        uid="uid-of-workload",
        resource_version="20",
        pinned=(PinnedContainer(name="web", init=False, pin=PIN_A),),
        kept=(),
        marks=(
            ("fence.pinnedrelease.dev/web", "uid-of-release/1"),
            ("kubernetes.io/change-cause", f"web 1.0 sha256:{'a' * 12} rev 1"),
            ("pin.pinnedrelease.dev/web", PINNED_A),
        ),
    )


def test_containers_that_we_own_are_named_again_with_their_present_image() -> None:
    on = workload(
        container(f"{REPOSITORY}:1.0"),
        container("example.com/worker@sha256:" + "c" * 64, name="worker"),
        owned_containers=frozenset({"worker"}),
        marks=(("fence.pinnedrelease.dev/worker", "other/4"),),
    )

    action = the_apply(plan(world(on=on), at()))

    assert action.kept == (
        KeptContainer(name="worker", init=False, image="example.com/worker@sha256:" + "c" * 64),
    )
    assert ("fence.pinnedrelease.dev/worker", "other/4") in action.marks


def test_a_settled_world_needs_nothing() -> None:
    assert plan(pinned_world(), at(60)).actions == ()


def test_another_spelling_of_the_digest_is_the_same_content() -> None:
    spelled = f"{REPOSITORY}:1.0@{DIGEST_A}"

    decided = plan(world(on=workload(container(spelled))), at())

    assert kinds(decided) == ["WriteStatus", "DigestPinned", "RolloutCompleted"]
    assert ready(final_status(decided)) == ("True", "Pinned")


def test_a_digest_in_another_repository_is_drift() -> None:
    world_now = pinned_world()
    moved = workload(container(f"evil.example.com/web@{DIGEST_A}"), resource_version="30")

    decided = plan(replace(world_now, workload=moved), at(60))

    assert [one.name for one in the_apply(decided).pinned] == ["web"]


def test_drift_is_corrected_without_touching_the_history() -> None:
    before = pinned_world()
    drifted = workload(container(f"{REPOSITORY}:dev"), resource_version="30")

    decided = plan(replace(before, workload=drifted), at(60))

    assert kinds(decided) == ["ApplyImages", "WriteStatus", "DriftDetected", "DriftCorrected"]
    status = final_status(decided)
    assert status.history == before.release.status.history
    assert (status.drift[0].actor, status.drift[0].observed) == (
        "kubectl-set",
        f"{REPOSITORY}:dev",
    )
    assert ready(status) == ("Unknown", "Progressing")
    reconciling = find(status.conditions, ConditionType.RECONCILING)
    assert reconciling is not None
    assert reconciling.reason == "CorrectingDrift"


def test_drift_stays_true_until_the_pods_have_followed() -> None:
    before = pinned_world()
    drifted = workload(container(f"{REPOSITORY}:dev"), resource_version="30")
    corrected = after(
        replace(before, workload=drifted), plan(replace(before, workload=drifted), at(60))
    )

    still = plan(corrected, at(61))
    done = plan(rolled_out(corrected), at(70))

    assert still.actions == ()
    condition = find(corrected.release.status.conditions, ConditionType.DRIFTED)
    assert condition is not None
    assert condition.status is ConditionStatus.TRUE
    assert ready(final_status(done)) == ("True", "Pinned")
    settled_condition = find(final_status(done).conditions, ConditionType.DRIFTED)
    assert settled_condition is not None
    assert settled_condition.status is ConditionStatus.FALSE


def test_a_promotion_supersedes_the_pair_before_it() -> None:
    decided = plan(promoted(pinned_world()), at(60))

    assert kinds(decided) == ["RecordIntent", "ApplyImages", "WriteStatus", "DigestPinned"]
    newest, first = final_status(decided).history.revisions
    assert (newest.number, newest.action, newest.pin) == (2, RevisionAction.PROMOTE, PIN_B)
    assert first.supersede_time == newest.deploy_time == NOON + timedelta(seconds=60)


def test_a_return_to_an_earlier_digest_is_a_rollback_with_a_new_number() -> None:
    on_b = settled(promoted(pinned_world()), 60)
    back = replace(on_b, release=replace(on_b.release, spec=desired(PIN_A), generation=3))

    status = final_status(plan(back, at(120)))

    assert [one.action for one in status.history.revisions] == [
        RevisionAction.ROLLBACK,
        RevisionAction.PROMOTE,
        RevisionAction.INITIAL,
    ]
    assert status.revision == 3


def test_a_new_tag_for_the_same_digest_is_a_revision_and_no_workload_write() -> None:
    retagged = replace(
        pinned_world(),
        release=replace(pinned_world().release, spec=desired(pin(tag="1.0-final")), generation=2),
    )

    decided = plan(retagged, at(60))

    assert "ApplyImages" not in kinds(decided)
    assert [one.pin.tag for one in final_status(decided).history.revisions] == [
        "1.0-final",
        "1.0",
    ]


def test_a_pass_repeated_after_a_crash_does_not_double_the_entry() -> None:
    start = world(on=workload())
    first = plan(start, at())
    only_recorded = replace(first, actions=first.actions[:1])

    again = plan(after(start, only_recorded), at(5))

    assert kinds(again) == ["ApplyImages", "WriteStatus", "DigestPinned"]
    assert len(final_status(again).history.revisions) == 1


def test_a_crash_after_the_workload_write_only_confirms() -> None:
    start = world(on=workload())
    first = plan(start, at())
    written = replace(first, actions=first.actions[:2])

    again = plan(rolled_out(after(start, written)), at(5))

    assert kinds(again) == ["WriteStatus", "DigestPinned", "RolloutCompleted"]
    assert len(final_status(again).history.revisions) == 1


def test_a_late_write_of_a_superseded_intent_is_fenced_off() -> None:
    """Found by the model checker of the reliability study (5.2), eight steps."""
    on_b = settled(promoted(pinned_world()), 60)
    back_to_a = replace(on_b, release=replace(on_b.release, spec=desired(PIN_A), generation=3))
    intent = plan(back_to_a, at(120)).actions[0]
    assert isinstance(intent, RecordIntent)
    # Its process is paused here. The user returns to B, which the workload still has.
    paused = replace(
        back_to_a,
        release=replace(back_to_a.release, status=intent.status, spec=desired(PIN_B), generation=4),
    )

    decided = plan(paused, at(125))

    assert kinds(decided)[:2] == ["RecordIntent", "ApplyImages"]
    assert ("fence.pinnedrelease.dev/web", "uid-of-release/4") in the_apply(decided).marks
    superseded = final_status(decided).history.revisions[1]
    assert superseded.result is RevisionResult.NOT_APPLIED


def test_a_fence_of_a_newer_generation_stops_a_stale_reader() -> None:
    fenced = workload(fences=(("web", Fence(release_uid="uid-of-release", generation=2)),))

    decided = plan(world(on=fenced), at())

    assert "ApplyImages" not in kinds(decided)
    assert decided.requeue_after_s is not None


def test_a_fence_of_an_object_that_had_the_same_name_means_nothing() -> None:
    fenced = workload(fences=(("web", Fence(release_uid="another-uid", generation=9)),))

    assert "ApplyImages" in kinds(plan(world(on=fenced), at()))


def test_report_only_never_writes_the_workload_and_records_nothing_as_deployed() -> None:
    decided = plan(world(release(desired(drift_policy=DriftPolicy.REPORT)), workload()), at())

    assert kinds(decided) == ["WriteStatus", "DriftDetected", "Drifted"]
    assert final_status(decided).history.revisions == ()
    assert ready(final_status(decided)) == ("False", "Drifted")


def test_report_only_records_the_pair_when_somebody_else_has_put_it_there() -> None:
    spec = desired(drift_policy=DriftPolicy.REPORT)

    status = final_status(plan(world(release(spec), workload(container(PINNED_A))), at()))

    assert ready(status) == ("True", "Pinned")
    assert [one.pin for one in status.history.revisions] == [PIN_A]


def test_suspended_and_drifted_is_false_but_not_stalled() -> None:
    status = final_status(plan(world(release(desired(suspend=True)), workload()), at()))

    assert ready(status) == ("False", "SuspendedDrifted")
    assert find(status.conditions, ConditionType.STALLED) is None


def test_a_missing_target_is_awaited_then_stalls() -> None:
    start = world()
    first = plan(start, at())
    assert ready(final_status(first)) == ("Unknown", "Progressing")
    assert first.requeue_after_s == pytest.approx(60)

    later = plan(after(start, first), at(61))

    assert ready(final_status(later)) == ("False", "TargetNotFound")


def test_a_restarted_process_does_not_begin_the_grace_period_anew() -> None:
    waited = after(world(), plan(world(), at()))
    restarted = replace(waited, memory=Memory())

    assert ready(final_status(plan(restarted, at(61)))) == ("False", "TargetNotFound")


def test_a_target_that_is_replaced_during_a_rollout_is_awaited_as_long_as_any_other() -> None:
    """That something had been under way for minutes was taken for minutes of waiting."""
    rolling = after(world(on=workload()), plan(world(on=workload()), at()))
    assert ready(rolling.release.status) == ("Unknown", "Progressing")
    gone = replace(rolling, workload=None)

    first = after(gone, plan(gone, at(300)))

    assert ready(first.release.status) == ("Unknown", "Progressing")
    assert "TargetNotFound" not in [one.reason for one in plan(first, at(330)).findings]
    assert ready(final_status(plan(first, at(361)))) == ("False", "TargetNotFound")


def test_as_many_conditions_of_others_are_kept_as_the_schema_has_room_for() -> None:
    """Eleven of them made a status that did not fit, and the workload was not written either."""
    foreign = tuple(
        Condition(
            type=f"example.com/Number{number}",
            status=ConditionStatus.TRUE,
            reason="Theirs",
            message="",
            observed_generation=1,
            last_transition_time=NOON,
        )
        for number in range(16)
    )

    decided = plan(world(release(status=Status(conditions=foreign)), workload()), at())

    assert "ApplyImages" in kinds(decided)
    for action in decided.actions:
        if isinstance(action, RecordIntent | WriteStatus):
            status_to_wire(action.status)
    types = [one.type for one in final_status(decided).conditions]
    assert len(types) == 16
    assert {"Ready", "Drifted", "example.com/Number0"} <= set(types)


def test_a_stalled_missing_target_is_silent_across_a_restart() -> None:
    stalled = settled(world(), 0)
    late = after(stalled, plan(stalled, at(61)))

    assert plan(replace(late, memory=Memory()), at(4000)).actions == ()


def test_a_target_that_is_being_deleted_is_not_written() -> None:
    assert "ApplyImages" not in kinds(plan(world(on=workload(deleting=True)), at()))


def test_a_release_that_is_being_deleted_needs_nothing() -> None:
    assert plan(world(release(deleting=True), workload()), at()).actions == ()


def test_an_invalid_spec_stalls_with_its_problems_and_writes_no_workload() -> None:
    broken = replace(release(), spec=InvalidSpec(problems=("spec.digest: too short",)))

    decided = plan(world(broken, workload()), at())

    assert kinds(decided) == ["WriteStatus", "InvalidSpec"]
    stalled = find(final_status(decided).conditions, ConditionType.STALLED)
    assert stalled is not None
    assert "spec.digest: too short" in stalled.message


def test_no_governed_container_stalls_and_names_what_is_there() -> None:
    decided = plan(world(on=workload(container("example.com/other:1"))), at())

    assert kinds(decided) == ["WriteStatus", "ContainerNotFound"]
    assert final_status(decided).history.revisions == ()


def test_a_named_container_that_is_missing_stalls_but_the_others_stay_pinned() -> None:
    spec = desired(containers=("web", "migrate"))

    decided = plan(world(release(spec), workload()), at())

    assert [one.name for one in the_apply(decided).pinned] == ["web"]
    assert ready(final_status(decided)) == ("False", "ContainerNotFound")


def test_a_container_once_governed_stays_governed_by_name() -> None:
    before = pinned_world()
    elsewhere = workload(container("elsewhere.example.com/x:1"), resource_version="30")

    assert "ApplyImages" in kinds(plan(replace(before, workload=elsewhere), at(60)))


def test_a_younger_pin_on_the_same_container_conflicts_and_writes_nothing() -> None:
    older = replace(release(), name="older", uid="a", created_at=NOON - timedelta(days=2))

    decided = plan(world(on=workload(), rivals=(older,)), at())

    assert kinds(decided) == ["WriteStatus", "Conflict"]
    assert final_status(decided).containers == ()


def test_the_older_pin_does_not_mind_a_younger_one() -> None:
    younger = replace(release(), name="younger", uid="z", created_at=NOON)

    assert "ApplyImages" in kinds(plan(world(on=workload(), rivals=(younger,)), at()))


def test_a_rollout_in_progress_is_told_at_most_every_two_seconds() -> None:
    start = world(on=workload())
    rolling = after(start, plan(start, at()))
    moving = replace(rolling, workload=replace(workload(container(PINNED_A)), rollout=HALFWAY))

    soon, later = plan(moving, at(1)), plan(moving, at(2))

    assert soon.actions == ()
    assert soon.requeue_after_s == pytest.approx(1)
    assert kinds(later) == ["WriteStatus"]
    assert final_status(later).pod_summary == "2/3"


def test_a_rollout_that_takes_too_long_stalls_and_fails_the_revision() -> None:
    start = world(on=workload())
    rolling = after(start, plan(start, at()))

    decided = plan(rolling, at(601))

    assert kinds(decided) == ["WriteStatus", "RolloutTimeout"]
    head = final_status(decided).history.head
    assert head is not None
    assert head.result is RevisionResult.FAILED
    assert plan(after(rolling, decided), at(700)).actions == ()


def test_a_failed_revision_that_becomes_ready_after_all_has_succeeded() -> None:
    start = world(on=workload())
    rolling = after(start, plan(start, at()))
    failed = after(rolling, plan(rolling, at(601)))

    status = final_status(plan(rolled_out(failed), at(900)))

    assert ready(status) == ("True", "Pinned")
    assert status.history.head is not None
    assert status.history.head.result is RevisionResult.SUCCEEDED


def refusal(retry_at_s: float, generation: int = 1) -> Memory:
    return Memory(
        refusal=Refusal(
            kind=RefusalKind.FORBIDDEN,
            message="no",
            generation=generation,
            since_s=at().monotonic_s,
            attempts=1,
            retry_at_s=retry_at_s,
        )
    )


def test_a_refused_write_is_reported_and_tried_again_later() -> None:
    refused = world(on=workload(), memory=refusal(at(10).monotonic_s))

    now, later = plan(refused, at()), plan(refused, at(10))

    assert kinds(now) == ["WriteStatus", "AccessDenied"]
    assert now.requeue_after_s == pytest.approx(10)
    assert "ApplyImages" in kinds(later)


def test_a_new_generation_clears_a_refusal() -> None:
    refused = world(
        release(generation=2), workload(), memory=refusal(at(300).monotonic_s, generation=1)
    )

    assert "ApplyImages" in kinds(plan(refused, at()))


def test_a_fight_slows_down_names_the_opponent_and_never_gives_up() -> None:
    observed = pinned_world()
    seconds, corrections = 60.0, []
    while seconds < 1500:
        drifted = replace(
            observed,
            workload=workload(
                container(f"{REPOSITORY}:dev", manager="argocd-controller"),
                resource_version="30",
            ),
        )
        decided = plan(drifted, at(seconds))
        if "ApplyImages" in kinds(decided):
            corrections.append(seconds)
        observed = after(drifted, decided)
        seconds += 1

    gaps = [later - earlier for earlier, later in itertools.pairwise(corrections)]
    assert gaps[:5] == [1, 1, 1, 1, 1]
    assert gaps[5:11] == [10, 20, 40, 80, 160, 300]
    assert ready(observed.release.status) == ("False", "DriftLoop")
    condition = find(observed.release.status.conditions, ConditionType.STALLED)
    assert condition is not None
    assert "Argo CD (field manager argocd-controller) keeps changing" in condition.message


def test_ten_quiet_minutes_end_a_fight() -> None:
    observed = pinned_world()
    for second in range(60, 66):
        drifted = replace(
            observed, workload=workload(container("x.example/y:1"), resource_version="30")
        )
        observed = after(drifted, plan(drifted, at(second)))
    quiet = rolled_out(observed)
    quiet = after(quiet, plan(quiet, at(67)))
    still = plan(quiet, at(600))
    over = plan(quiet, at(670))

    assert ready(quiet.release.status) == ("False", "DriftLoop")
    assert still.requeue_after_s is not None
    assert ready(final_status(over)) == ("True", "Pinned")


def test_history_is_bounded_and_keeps_the_newest() -> None:
    observed = world(release(desired(revision_history_limit=3)), workload())
    for number in range(1, 8):
        declared = pin(f"sha256:{number:064x}", f"1.{number}")
        spec = desired(declared, revision_history_limit=3)
        changed = replace(observed.release, spec=spec, generation=number)
        observed = settled(replace(observed, release=changed), number * 60)

    assert [one.number for one in observed.release.status.history.revisions] == [7, 6, 5]


def test_a_cronjob_has_no_count_of_pods() -> None:
    target = Target(kind=TargetKind.CRON_JOB, name="web")
    nothing = Rollout(desired=0, current=0, updated=0, ready=0)
    on = workload(container(PINNED_A), target=target, rollout=nothing)

    status = final_status(plan(world(release(desired(target=target)), on), at()))

    assert status.pod_summary is None
    assert ready(status) == ("True", "Pinned")
