"""What the history and the status say of pairs that did not get on: nothing that was not so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from objects import DIGEST_A
from pinnedrelease.core.actions import EmitEvent, RecordIntent
from pinnedrelease.core.conditions import ConditionType
from pinnedrelease.core.history import RevisionAction, RevisionResult
from pinnedrelease.core.marks import FIELD_MANAGER
from pinnedrelease.core.observed import Instant, Memory, Observed, Refusal, RefusalKind
from pinnedrelease.core.pin import DesiredPin, OnFailure, Pin, RejectedDigest
from pinnedrelease.core.plan import plan
from pinnedrelease.core.registry import Fact, Presence, RegistryFacts, Trouble, TroubleKind
from pinnedrelease.core.timeline import Certainty, timeline_of
from pinnedrelease.core.timeline import at as ran_at
from pinnedrelease.core.workload import Rollout, RolloutHold, Workload
from unit.core.test_rollback import (
    PIN_C,
    carried_out,
    condition,
    declare,
    failed,
    image_of,
    message,
    on_b,
    stuck,
)
from unit.core.test_rollout_causes import UNKNOWN as UNPROVEN
from unit.core.test_rollout_causes import rolled_out
from worlds import (
    NOON,
    PIN_A,
    PIN_B,
    after,
    at,
    container,
    desired,
    pin,
    release,
    settled,
    workload,
    world,
)

ELSEWHERE = "mirror.example.com/web"
NO_PODS = Rollout(desired=0, current=0, updated=0, ready=0)
STARTING = Rollout(desired=3, current=3, updated=3, ready=0)
ROLL_BACK = OnFailure.ROLL_BACK


def passes(observed: Observed, *seconds: float) -> Observed:
    """A pass at each of these times, with the pods left as they are."""
    for one in seconds:
        observed = carried_out(observed, one)
    return observed


def results(observed: Observed) -> list[str]:
    """Tag and result of each revision, oldest first."""
    revisions = reversed(observed.release.status.history.revisions)
    return [f"{one.pin.tag} {one.result}" for one in revisions]


def intent_only(observed: Observed, seconds: float) -> Observed:
    """A pass whose workload write is refused."""
    decided = plan(observed, at(seconds))
    intents = tuple(one for one in decided.actions if isinstance(one, RecordIntent))
    assert intents
    return after(observed, replace(decided, actions=intents))


def refused(observed: Observed, seconds: float) -> Observed:
    """The API server does not let the operator write the workload."""
    refusal = Refusal(
        kind=RefusalKind.FORBIDDEN,
        message="no",
        generation=observed.release.generation,
        since_s=at(seconds).monotonic_s,
        attempts=1,
        retry_at_s=at(seconds).monotonic_s + 3600,
    )
    return replace(observed, memory=replace(observed.memory, refusal=refusal))


def promoted() -> Observed:
    """B has been declared, to be taken back when it fails."""
    return declare(settled(world(on=workload())), desired(PIN_B, on_failure=ROLL_BACK))


def the_workload(observed: Observed) -> Workload:
    assert observed.workload is not None
    return observed.workload


def test_a_pair_that_never_reached_the_workload_never_was_in_force() -> None:
    held = intent_only(declare(settled(world(on=workload())), desired(PIN_B)), 60)
    timeline = timeline_of(held.release.status, "status")
    assert ran_at(timeline, at(600).wall).certainty is Certainty.UNKNOWN

    moved_on = settled(declare(held, desired(PIN_C)), 3600)

    assert results(moved_on) == ["1.0 Succeeded", "1.1 NotApplied", "1.2 Succeeded"]
    then = ran_at(timeline_of(moved_on.release.status, "status"), at(600).wall)
    assert (then.revision and then.revision.pin, then.certainty) == (PIN_A, Certainty.RAN)
    assert not moved_on.release.status.history.has_deployed(PIN_B)


def test_a_pair_that_reached_the_workload_before_a_crash_was_in_force() -> None:
    promoted = declare(settled(world(on=workload())), desired(PIN_B))
    decided = plan(promoted, at(60))
    recorded = next(one.status for one in decided.actions if isinstance(one, RecordIntent))
    crashed = after(promoted, decided)
    crashed = replace(crashed, release=replace(crashed.release, status=recorded), memory=Memory())

    moved_on = settled(declare(crashed, desired(PIN_C)), 120)

    assert results(moved_on) == ["1.0 Succeeded", "1.1 Superseded", "1.2 Succeeded"]


def test_what_reached_the_workload_is_told_before_the_next_write_takes_its_mark_away() -> None:
    promoted = declare(settled(world(on=workload())), desired(PIN_B))
    late = plan(promoted, at(60))
    held = intent_only(promoted, 60)
    on_its_way = intent_only(declare(held, desired(PIN_C)), 61)
    # The write of B lands after the intent of C, whose own write is refused for it.
    landed = replace(on_its_way, workload=after(promoted, late).workload)

    intent = plan(landed, at(62)).actions[0]

    assert isinstance(intent, RecordIntent)
    assert [one.result for one in intent.status.history.revisions] == [
        RevisionResult.PLANNED,
        RevisionResult.SUPERSEDED,
        RevisionResult.SUCCEEDED,
    ]


def rewritten(observed: Observed, seconds: float) -> Observed:
    """A pass whose write a webhook moves to a mirror: the marks are stored, the image is not."""
    wrote = after(observed, plan(observed, at(seconds)))
    image = image_of(wrote).replace("registry.example.com", "mirror.example.com")
    moved = container(image, manager=FIELD_MANAGER)
    held = replace(the_workload(wrote), containers=(moved,))
    intended = intent_only(observed, seconds)
    return refused(replace(intended, workload=held), seconds)


def test_neither_a_pair_that_a_webhook_rewrote_nor_the_one_before_it_ran() -> None:
    """The history said that the pair had been in force, for the workload bore its marks."""
    held = rewritten(declare(settled(world(on=workload())), desired(PIN_B)), 60)

    moved_on = settled(declare(held, desired(PIN_C)), 3600)

    assert results(moved_on) == ["1.0 Succeeded", "1.1 NotApplied", "1.2 Succeeded"]
    timeline = timeline_of(moved_on.release.status, "status")
    assert ran_at(timeline, at(30).wall).certainty is Certainty.RAN
    then = ran_at(timeline, at(600).wall)
    assert then.certainty is Certainty.UNKNOWN
    assert then.note == "recorded; a webhook stored another image in its place"
    assert not moved_on.release.status.history.has_deployed(PIN_B)

    back = settled(declare(moved_on, desired(PIN_B)), 7200)
    assert back.release.status.history.revisions[0].action is RevisionAction.PROMOTE


def test_what_a_webhook_stored_stays_while_later_writes_are_refused() -> None:
    held = rewritten(declare(settled(world(on=workload())), desired(PIN_B)), 60)
    refused_next = intent_only(declare(held, desired(PIN_C)), 600)
    last = desired(pin("sha256:" + "d" * 64, "1.3"))

    moved_on = settled(declare(refused_next, last), 3600)

    assert results(moved_on)[1:3] == ["1.1 NotApplied", "1.2 NotApplied"]
    timeline = timeline_of(moved_on.release.status, "status")
    for seconds in (300, 900):
        then = ran_at(timeline, at(seconds).wall)
        assert (then.revision and then.revision.pin, then.certainty) == (PIN_B, Certainty.UNKNOWN)


def test_a_time_in_which_a_webhook_ruled_is_not_given_away_when_its_entry_is_dropped() -> None:
    """The last pair that had run was said to have gone on."""

    def short(of: Pin) -> DesiredPin:
        return desired(of, revision_history_limit=2)

    held = rewritten(declare(settled(world(on=workload())), short(PIN_B)), 60)
    held = rewritten(declare(held, short(PIN_C)), 600)
    for number in range(3):
        held = declare(held, short(pin(f"sha256:{number:064x}", f"2.{number}")))
        held = intent_only(held, 1200 + 600 * number)
    for seen in (held, settled(held, 7200)):
        then = ran_at(timeline_of(seen.release.status, "status"), at(300).wall)
        assert then.certainty is Certainty.UNKNOWN


def test_each_pair_that_is_declared_while_suspended_is_expected_in_its_turn() -> None:
    """The record went on expecting the first of them, because the image was one of ours."""
    first = settled(world(on=workload()))
    ours = container(PIN_A.image, manager=FIELD_MANAGER)
    first = replace(first, workload=replace(the_workload(first), containers=(ours,)))
    held = carried_out(declare(first, desired(PIN_B, suspend=True)), 60)

    decided = plan(declare(held, desired(PIN_C, suspend=True)), at(120))

    (event,) = (one for one in decided.actions if isinstance(one, EmitEvent))
    assert event.reason == "DriftDetected"
    assert f"{PIN_A.image} instead of {PIN_C.reference}" in event.message
    drift = after(held, decided).release.status.drift
    assert [(one.expected, one.correct_time is None) for one in drift] == [
        (PIN_C.reference, True),
        (PIN_B.reference, False),
    ]


def test_scaled_to_zero_is_no_success() -> None:
    broken = failed(desired(PIN_B))
    assert broken.workload is not None
    asleep = replace(broken, workload=replace(broken.workload, rollout=NO_PODS))

    asleep = carried_out(asleep, 800)

    assert results(asleep) == ["1.0 Succeeded", "1.1 Failed"]
    assert condition(asleep, ConditionType.READY) == ("True", "Pinned")


def test_a_rollback_to_where_the_same_digest_came_from_is_one() -> None:
    """A registry migration: the earlier repository is the newest that is known to be good."""
    moved = replace(pin(repository=ELSEWHERE), tag=PIN_B.tag, digest=PIN_B.digest)
    migrating = declare(on_b(), desired(moved, on_failure=ROLL_BACK))
    migrating = carried_out(stuck(carried_out(migrating, 120)), 121)
    back = carried_out(carried_out(migrating, 800), 801)

    assert image_of(back) == PIN_B.image


@pytest.mark.parametrize("hold", RolloutHold)
def test_what_a_person_holds_is_not_taken_back_nor_when_they_let_go(hold: RolloutHold) -> None:
    rolling = carried_out(promoted(), 60)
    waiting = Rollout(desired=3, current=3, updated=0, ready=3)
    rolling = replace(rolling, workload=replace(the_workload(rolling), hold=hold, rollout=waiting))
    rolling = passes(rolling, 61, 700, 701, 1400)
    assert image_of(rolling) == PIN_B.image
    assert condition(rolling, ConditionType.READY) == ("False", "RolloutTimeout")

    let_go = replace(rolling, workload=replace(the_workload(rolling), hold=None))
    let_go = passes(let_go, 1500, 1501, 1560)
    assert image_of(let_go) == PIN_B.image
    assert condition(let_go, ConditionType.READY) == ("Unknown", "Progressing")

    late = carried_out(carried_out(let_go, 2200), 2201)
    assert image_of(late) == PIN_A.image


def test_pods_that_are_wanted_a_day_later_have_their_whole_time() -> None:
    asleep = carried_out(promoted(), 60)
    asleep = replace(asleep, workload=replace(the_workload(asleep), rollout=NO_PODS))
    asleep = carried_out(asleep, 61)

    woken = replace(asleep, workload=replace(the_workload(asleep), rollout=STARTING))
    woken = passes(woken, 90_000, 90_001, 90_060)

    assert condition(woken, ConditionType.READY) == ("Unknown", "Progressing")
    assert image_of(woken) == PIN_B.image


@pytest.mark.parametrize("memory", [None, Memory()], ids=["one process", "restarted"])
def test_a_write_that_was_refused_for_an_hour_has_its_whole_time(memory: Memory | None) -> None:
    held = carried_out(refused(intent_only(promoted(), 60), 60), 61)

    allowed = replace(held, memory=replace(held.memory, refusal=None))
    allowed = stuck(carried_out(allowed, 3700))
    allowed = replace(allowed, memory=memory or allowed.memory)
    allowed = passes(allowed, 3702, 3703, 3760)

    assert condition(allowed, ConditionType.READY) == ("Unknown", "Progressing")
    assert image_of(allowed) == PIN_B.image


def test_a_write_that_got_no_answer_for_long_has_its_whole_time() -> None:
    """Neither accepted nor refused, a webhook that is down for example: nothing is told of it."""
    late = intent_only(promoted(), 60)
    late = stuck(carried_out(late, 1300))
    for memory in (late.memory, Memory()):
        rolling = replace(late, memory=memory)
        rolling = passes(rolling, 1301, 1302, 1360)

        assert condition(rolling, ConditionType.READY) == ("Unknown", "Progressing")
        assert image_of(rolling) == PIN_B.image


def test_the_time_for_which_a_rollout_was_held_is_none_of_its_own() -> None:
    rolling = carried_out(promoted(), 60)
    held = replace(
        rolling, workload=replace(the_workload(rolling), hold=RolloutHold.PAUSED, rollout=STARTING)
    )
    held = passes(held, 61, 650)

    let_go = replace(held, workload=replace(the_workload(held), hold=None))
    let_go = passes(let_go, 655, 662, 663)

    assert condition(let_go, ConditionType.READY) == ("Unknown", "Progressing")
    assert image_of(let_go) == PIN_B.image


@pytest.mark.parametrize("memory", [None, Memory()], ids=["one process", "restarted"])
def test_a_target_that_is_made_anew_has_its_whole_time(memory: Memory | None) -> None:
    rolling = stuck(carried_out(promoted(), 60))
    gone = carried_out(replace(carried_out(rolling, 61), workload=None), 580)

    anew = carried_out(replace(gone, workload=the_workload(rolling)), 640)
    anew = replace(anew, memory=memory or anew.memory)
    anew = passes(anew, 662, 663, 700)

    assert condition(anew, ConditionType.READY) == ("Unknown", "Progressing")
    assert image_of(anew) == PIN_B.image


def test_a_target_that_comes_late_has_its_whole_time() -> None:
    awaited = world(release(desired(PIN_A, timeout=timedelta(seconds=60))), None)
    awaited = carried_out(awaited, 0)
    come = workload(container(PIN_A.image), rollout=STARTING)

    come_late = carried_out(replace(awaited, workload=come), 90)

    assert condition(come_late, ConditionType.READY) == ("Unknown", "Progressing")


def test_another_tag_after_a_timeout_has_its_whole_time() -> None:
    late = failed(desired(PIN_B))
    renamed = declare(late, desired(replace(PIN_B, tag="1.1-final")))

    renamed = carried_out(renamed, 800)
    assert results(renamed)[-1] == "1.1-final InProgress"
    assert condition(carried_out(renamed, 801), ConditionType.READY) == ("Unknown", "Progressing")


def test_another_tag_for_proven_content_is_not_taken_back() -> None:
    healthy = on_b(on_failure=ROLL_BACK)
    assert healthy.workload is not None
    node_lost = replace(
        healthy,
        workload=replace(
            healthy.workload, rollout=Rollout(desired=3, current=3, updated=3, ready=2)
        ),
    )
    renamed = declare(node_lost, desired(replace(PIN_B, tag="1.1-final"), on_failure=ROLL_BACK))

    renamed = carried_out(renamed, 120)
    renamed = declare(renamed, desired(replace(PIN_B, tag="1.1-last"), on_failure=ROLL_BACK))

    renamed = carried_out(carried_out(carried_out(renamed, 121), 800), 801)

    assert image_of(renamed) == PIN_B.image


def test_a_failed_rollout_is_taken_back_whatever_else_is_wrong() -> None:
    spec = desired(PIN_B, on_failure=ROLL_BACK, containers=("web", "typo"))
    rolling = carried_out(declare(settled(world(on=workload())), spec), 60)
    decided = plan(stuck(rolling), at(61))
    assert decided.requeue_after_s is not None, "somebody has to look when its time is over"
    rolling = after(stuck(rolling), decided)
    assert condition(rolling, ConditionType.READY) == ("False", "ContainerNotFound")

    rolling = carried_out(carried_out(rolling, 700), 701)

    assert image_of(rolling) == PIN_A.image
    assert results(rolling)[1] == "1.1 Failed"


def test_a_wall_clock_that_is_set_makes_no_rollout_late() -> None:
    rolling = carried_out(
        declare(settled(world(on=workload())), desired(PIN_B, on_failure=ROLL_BACK)), 60
    )
    rolling = carried_out(stuck(rolling), 61)

    set_forward = Instant(wall=NOON + timedelta(seconds=980), monotonic_s=at(80).monotonic_s)

    assert "RolloutTimeout" not in [one.reason for one in plan(rolling, set_forward).findings]
    assert plan(rolling, at(700)).findings[0].reason == "RolloutTimeout"


def test_a_digest_that_one_repository_has_lost_may_be_in_another() -> None:
    gone = Fact(presence=Presence.MISSING, answered_at_s=at(100).monotonic_s)
    lost = replace(settled(world(on=workload())), registry=RegistryFacts(digest=gone))
    lost = carried_out(carried_out(lost, 101), 200)
    moved = declare(lost, desired(pin(repository=ELSEWHERE)))
    asked = Fact(asked_since_s=at(300).monotonic_s)

    decided = plan(replace(moved, registry=RegistryFacts(digest=asked)), at(300))
    assert "DigestMissing" not in [one.reason for one in decided.findings]

    silent = replace(asked, trouble=Trouble(kind=TroubleKind.UNREACHABLE))
    moved = carried_out(replace(moved, registry=RegistryFacts(digest=silent)), 306)
    assert image_of(moved) == f"{ELSEWHERE}@{DIGEST_A}"


def test_the_revision_that_a_rollback_needs_is_kept_beyond_the_limit() -> None:
    limited = {"revision_history_limit": 2, "on_failure": ROLL_BACK}
    pushed = carried_out(declare(settled(world(on=workload())), desired(PIN_B, **limited)), 60)
    last = declare(stuck(pushed), desired(PIN_C, **limited))
    last = stuck(carried_out(last, 61))
    last = carried_out(carried_out(carried_out(last, 62), 700), 701)

    assert image_of(last) == PIN_A.image
    head = last.release.status.history.head
    assert head is not None
    assert head.action is RevisionAction.AUTO_ROLLBACK


def test_what_ran_before_is_kept_beside_what_was_never_written() -> None:
    spec = desired(PIN_B, revision_history_limit=2)
    broken = carried_out(failed(spec), 800)
    never = intent_only(declare(broken, desired(PIN_C, revision_history_limit=2)), 3600)
    last = pin("sha256:" + "d" * 64, "1.3")

    gone_on = carried_out(declare(never, desired(last, revision_history_limit=2)), 7200)

    assert results(gone_on) == [
        "1.0 Succeeded", "1.1 Failed", "1.2 NotApplied", "1.3 InProgress",
    ]  # fmt: skip
    then = ran_at(timeline_of(gone_on.release.status, "status"), at(5000).wall)
    assert then.revision is not None
    assert then.revision.pin == PIN_B


def test_what_runs_through_a_row_of_refused_writes_is_said_to() -> None:
    world_now = settled(world(on=workload()))
    pins = [pin("sha256:" + digit * 64, f"1.{digit}") for digit in "123"]
    for number, declared in enumerate(pins):
        world_now = declare(world_now, desired(declared, revision_history_limit=2))
        world_now = intent_only(world_now, 600 * (number + 1))

    at_last = carried_out(world_now, 3600)

    timeline = timeline_of(at_last.release.status, "status")
    for seconds in (300, 900, 1500):
        then = ran_at(timeline, at(seconds).wall)
        assert (then.revision and then.revision.pin, then.certainty) == (PIN_A, Certainty.RAN)


def test_a_history_that_was_cut_is_not_cut_again_later() -> None:
    spec = desired(PIN_C, revision_history_limit=2)
    done = settled(declare(failed(desired(PIN_B, revision_history_limit=2)), spec), 800)

    assert not plan(done, at(1000)).actions


@pytest.mark.parametrize(
    "spec",
    [
        desired(PIN_B, rejected=(RejectedDigest(digest=PIN_B.digest, reason="bad"),)),
        desired(PIN_B, suspend=True),
    ],
    ids=["rejected", "suspended"],
)
def test_what_is_not_written_is_not_said_to_be_there(spec: DesiredPin) -> None:
    held = carried_out(declare(settled(world(on=workload())), spec), 60)

    assert "every governed container" not in message(held, ConditionType.DRIFTED)
    assert held.release.status.deploy_time is None


def test_a_write_that_is_refused_is_not_said_to_be_there() -> None:
    held = carried_out(refused(declare(settled(world(on=workload())), desired(PIN_B)), 60), 60)

    assert condition(held, ConditionType.READY) == ("False", "AccessDenied")
    assert "1 of 1 containers have not got it yet" in message(held, ConditionType.DRIFTED)


def test_pods_that_are_not_proven_make_drift_unknown_once_the_template_is_right() -> None:
    proven_or_not = rolled_out(UNPROVEN)
    assert condition(proven_or_not, ConditionType.DRIFTED) == ("Unknown", "NotProven")

    held = carried_out(refused(declare(proven_or_not, desired(PIN_B)), 120), 120)
    assert condition(held, ConditionType.DRIFTED) == ("False", "NoDriftDetected")


def test_a_rollback_that_is_held_up_is_not_said_to_be_done() -> None:
    broken = failed(desired(PIN_B, on_failure=ROLL_BACK))
    held = carried_out(refused(broken, 800), 800)
    assert "is to be in force again" in message(held, ConditionType.ROLLED_BACK)

    done = carried_out(broken, 800)
    assert "is in force again" in message(done, ConditionType.ROLLED_BACK)


def test_a_table_shows_the_pair_before_its_target_is_there() -> None:
    waiting = after(world(on=None), plan(world(on=None), at()))

    effective = waiting.release.status.effective
    assert effective is not None
    assert effective.pin == PIN_A


@pytest.mark.parametrize(
    "spec",
    [
        desired(PIN_B, containers=("web", "typo")),
        desired(PIN_B, rejected=(RejectedDigest(digest=PIN_B.digest, reason="bad"),)),
    ],
    ids=["container missing", "rejected"],
)
def test_the_registrys_answer_is_awaited_whatever_else_is_to_be_said(spec: DesiredPin) -> None:
    asked = Fact(asked_since_s=at(60).monotonic_s)
    waiting = declare(settled(world(on=workload())), spec)
    waiting = replace(waiting, registry=RegistryFacts(digest=asked))

    decided = plan(waiting, at(60))

    assert decided.actions, "what needs no registry is told at once"
    assert decided.requeue_after_s is not None
    assert decided.requeue_after_s <= waiting.limits.registry_wait_s


def test_a_change_cause_of_somebody_else_numbers_nothing() -> None:
    marked = workload(
        container("registry.example.com/team/web:1.0"),
        marks=(("kubernetes.io/change-cause", "web build rev 20261104"),),
    )

    first = settled(world(on=marked))

    assert first.release.status.revision == 1


def test_whoever_asks_anew_does_not_wait_for_the_next_try() -> None:
    held = refused(declare(settled(world(on=workload())), desired(PIN_B)), 60)
    held = carried_out(held, 60)
    assert condition(held, ConditionType.READY) == ("False", "AccessDenied")

    asked = replace(held, release=replace(held.release, requested_at="2026-11-23T12:02:00Z"))

    assert image_of(carried_out(asked, 120)) == PIN_B.image
