"""What registry facts do to a plan: tell, hold back a first rollout, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from objects import DIGEST_A, DIGEST_B, DIGEST_C, REPOSITORY
from pinnedrelease.core import messages
from pinnedrelease.core.actions import ApplyImages, EmitEvent, WriteStatus
from pinnedrelease.core.conditions import ConditionType, find
from pinnedrelease.core.digest import Digest
from pinnedrelease.core.drift import DriftKind
from pinnedrelease.core.observed import Observed
from pinnedrelease.core.plan import Plan, plan
from pinnedrelease.core.registry import (
    EarlierFact,
    Fact,
    PlatformFact,
    Presence,
    RegistryCheck,
    RegistryFacts,
    RegistryWish,
    TagContent,
    Trouble,
    TroubleKind,
)
from pinnedrelease.core.status import Status
from worlds import PIN_A, PIN_B, after, at, container, desired, release, settled, workload, world

A, B, C = (Digest.parse(text) for text in (DIGEST_A, DIGEST_B, DIGEST_C))
DOWN = Trouble(kind=TroubleKind.UNREACHABLE)


def found(digest: Digest | None = None, **changes: object) -> Fact:
    fact = Fact(presence=Presence.FOUND, digest=digest, answered_at_s=1000.0, asked_since_s=1000.0)
    return replace(fact, **changes)  # type: ignore[arg-type]


MISSING = Fact(presence=Presence.MISSING, answered_at_s=1000.0, asked_since_s=1000.0)
ONCE_MISSING = replace(MISSING, confirmed=False)
ASKED = Fact(asked_since_s=1000.0)
HEALTHY = RegistryFacts(tag=found(A), digest=found())


def pinned() -> Observed:
    """A release at rest on A, seen by a healthy registry."""
    return settled(replace(world(release(), workload()), registry=HEALTHY))


def new_pin(facts: RegistryFacts, **spec: object) -> Observed:
    """A release that has never been rolled out."""
    return replace(world(release(desired(**spec)), workload()), registry=facts)  # type: ignore[arg-type]


def status_of(decided: Plan) -> Status:
    return next(one.status for one in decided.actions if isinstance(one, WriteStatus))


def verdict(status: Status, kind: ConditionType) -> tuple[str, str]:
    condition = find(status.conditions, kind)
    assert condition is not None
    return str(condition.status), condition.reason


def writes(decided: Plan) -> bool:
    return any(isinstance(one, ApplyImages) for one in decided.actions)


def events(decided: Plan) -> list[str]:
    return [one.reason for one in decided.actions if isinstance(one, EmitEvent)]


def with_facts(observed: Observed, **changes: object) -> Observed:
    return replace(observed, registry=replace(HEALTHY, **changes))  # type: ignore[arg-type]


def test_a_new_pin_waits_for_the_first_answer_and_then_goes_on() -> None:
    waiting = new_pin(RegistryFacts(tag=ASKED, digest=ASKED))

    first = plan(waiting, at(0.5))
    assert not writes(first)
    assert verdict(status_of(first), ConditionType.READY) == ("Unknown", "Progressing")
    assert first.requeue_after_s == 4.5
    second = plan(after(waiting, first), at(1))
    assert second.actions == ()
    assert writes(plan(after(waiting, first), at(5)))


@pytest.mark.parametrize(
    "fact", [found(), replace(ASKED, trouble=DOWN), Fact()], ids=["found", "trouble", "nobody asks"]
)
def test_a_new_pin_goes_on_at_once_when_there_is_nothing_to_wait_for(fact: Fact) -> None:
    assert writes(plan(new_pin(RegistryFacts(digest=fact)), at()))


@pytest.mark.parametrize("fact", [MISSING, ONCE_MISSING])
def test_a_digest_that_is_missing_is_not_rolled_out(fact: Fact) -> None:
    blocked = new_pin(RegistryFacts(digest=fact))

    decided = plan(blocked, at())

    assert not writes(decided)
    status = status_of(decided)
    assert verdict(status, ConditionType.STALLED) == ("True", "DigestMissing")
    assert verdict(status, ConditionType.DIGEST_AVAILABLE) == ("False", "DigestMissing")
    assert status.history.revisions == ()
    assert status.drift == ()
    assert events(decided) == ["DigestMissing"]


@pytest.mark.parametrize("fact", [ASKED, replace(ASKED, trouble=DOWN), Fact()])
def test_what_was_held_back_stays_so_until_the_digest_is_found(fact: Fact) -> None:
    blocked = new_pin(RegistryFacts(digest=MISSING))
    blocked = after(blocked, plan(blocked, at()))

    later = replace(blocked, registry=RegistryFacts(digest=fact))
    assert not writes(plan(later, at(60)))
    assert writes(plan(with_facts(blocked), at(60)))


def test_a_new_generation_is_judged_afresh() -> None:
    blocked = new_pin(RegistryFacts(digest=MISSING))
    blocked = after(blocked, plan(blocked, at()))
    renewed = replace(
        blocked,
        release=replace(blocked.release, generation=2, spec=desired(PIN_B)),
        registry=RegistryFacts(digest=replace(ASKED, trouble=DOWN)),
    )

    assert writes(plan(renewed, at(60)))


def test_without_a_check_nothing_waits_and_nothing_blocks() -> None:
    wish = RegistryWish(check=RegistryCheck.NONE)
    decided = plan(new_pin(RegistryFacts(digest=MISSING), registry=wish), at())

    assert writes(decided)
    assert verdict(status_of(decided), ConditionType.DIGEST_AVAILABLE) == (
        "Unknown",
        "CheckDisabled",
    )


def test_drift_is_put_right_whatever_the_registry_says() -> None:
    drifted = replace(pinned(), workload=workload(container("example.com/other:1")))

    for fact in (MISSING, ASKED, replace(ASKED, trouble=DOWN)):
        assert writes(plan(with_facts(drifted, digest=fact), at(30)))


def returning() -> Observed:
    """A world that has gone from A to B and is asked to go back to A."""
    promoted = pinned()
    promoted = settled(
        replace(promoted, release=replace(promoted.release, generation=2, spec=desired(PIN_B))), 60
    )
    return replace(promoted, release=replace(promoted.release, generation=3, spec=desired(PIN_A)))


def test_going_back_to_a_digest_that_ran_waits_for_the_registry_some_seconds_at_most() -> None:
    back = returning()

    waiting = plan(with_facts(back, digest=Fact(asked_since_s=at(119).monotonic_s)), at(120))
    assert not writes(waiting)
    assert waiting.requeue_after_s == 4.0
    assert writes(plan(with_facts(back, digest=ASKED), at(120)))


def test_going_back_to_a_digest_that_ran_needs_no_registry() -> None:
    assert writes(
        plan(
            with_facts(returning(), digest=Fact(asked_since_s=at(119).monotonic_s, trouble=DOWN)),
            at(120),
        )
    )


def test_going_back_to_a_digest_that_is_gone_is_refused_with_the_nearest_alternative() -> None:
    decided = plan(with_facts(returning(), digest=MISSING), at(120))

    assert not writes(decided)
    assert decided.findings[0].reason == "DigestMissing"
    assert f"revision that is there: 2, {messages.pair(PIN_B)}" in decided.findings[0].message


def test_a_person_who_vouches_for_a_lost_digest_is_believed() -> None:
    back = returning()
    vouched = replace(back.release, vouched_digest=str(PIN_A.digest))

    assert writes(plan(with_facts(replace(back, release=vouched), digest=MISSING), at(120)))


def test_a_moved_tag_keeps_ready_and_is_told_once() -> None:
    moved = with_facts(pinned(), tag=found(B))

    decided = plan(moved, at(30))

    status = status_of(decided)
    assert not writes(decided)
    assert verdict(status, ConditionType.READY) == ("True", "PinnedTagMoved")
    assert verdict(status, ConditionType.TAG_MOVED) == ("True", "TagPointsElsewhere")
    assert status.registry is not None
    assert status.registry.tag_digest == B
    assert events(decided) == ["TagMoved"]
    assert plan(after(moved, decided), at(35)).actions == ()


def test_r15_a_tag_that_flips_is_told_once_in_ten_minutes_and_writes_no_workload() -> None:
    observed, told, seconds = pinned(), 0, 30.0
    for flip in range(100):
        observed = with_facts(observed, tag=found((A, B, C)[flip % 3]))
        decided = plan(observed, at(seconds))
        assert not writes(decided)
        told += sum(reason in ("TagMoved", "TagRestored") for reason in events(decided))
        observed = after(observed, decided)
        kinds = [one.kind for one in observed.release.status.drift]
        assert kinds.count(DriftKind.TAG_MOVED) <= 1
        seconds += 6
    assert told == 1


def test_a_tag_that_is_gone_and_one_that_is_back() -> None:
    gone = with_facts(pinned(), tag=MISSING)
    decided = plan(gone, at(30))
    assert verdict(status_of(decided), ConditionType.TAG_MOVED) == ("True", "TagNotFound")

    back = replace(after(gone, decided), registry=HEALTHY)
    decided = plan(back, at(700))
    assert verdict(status_of(decided), ConditionType.TAG_MOVED) == ("False", "TagMatches")
    assert "TagRestored" in events(decided)


def test_one_answer_that_something_is_missing_is_none_yet_for_what_runs() -> None:
    at_rest = pinned()

    for facts in ({"tag": ONCE_MISSING}, {"digest": ONCE_MISSING}):
        assert plan(with_facts(at_rest, **facts), at(30)).actions == ()


def test_a_digest_that_vanishes_under_what_runs_is_drift_of_the_registry() -> None:
    vanished = with_facts(pinned(), digest=MISSING)

    decided = plan(vanished, at(30))

    status = status_of(decided)
    assert verdict(status, ConditionType.READY) == ("True", "Pinned")
    assert verdict(status, ConditionType.DIGEST_AVAILABLE) == ("False", "DigestMissing")
    assert [one.kind for one in status.drift] == [DriftKind.DIGEST_MISSING]
    assert status.history.revisions[0].digest_missing_time is not None
    assert events(decided) == ["DigestMissing"]

    back = replace(after(vanished, decided), registry=HEALTHY)
    decided = plan(back, at(60))
    assert events(decided) == ["DigestFound"]
    assert status_of(decided).history.revisions[0].digest_missing_time is None


@pytest.mark.parametrize("fact", [ASKED, replace(ASKED, trouble=DOWN)])
def test_a_restart_or_a_short_outage_writes_nothing(fact: Fact) -> None:
    moved = with_facts(pinned(), tag=found(B))
    moved = after(moved, plan(moved, at(30)))

    unsure = replace(moved, registry=RegistryFacts(tag=fact, digest=fact))

    assert plan(unsure, at(60)).actions == ()


def test_an_answer_that_is_too_old_is_not_believed_any_more() -> None:
    old = found(B, trouble=DOWN)
    moved = with_facts(pinned(), tag=old, digest=replace(found(), trouble=DOWN))
    moved = after(moved, plan(moved, at(30)))
    assert plan(moved, at(899)).actions == ()

    status = status_of(plan(moved, at(902)))

    assert verdict(status, ConditionType.TAG_MOVED) == ("Unknown", "RegistryUnreachable")
    assert verdict(status, ConditionType.DIGEST_AVAILABLE) == ("Unknown", "RegistryUnreachable")
    assert verdict(status, ConditionType.READY) == ("True", "Pinned")


def test_a_lost_rollback_target_is_marked_and_told_once() -> None:
    promoted = pinned()
    promoted = settled(
        replace(promoted, release=replace(promoted.release, generation=2, spec=desired(PIN_B))), 60
    )
    earlier = EarlierFact(repository=PIN_A.repository, digest=A, fact=MISSING)
    lost = with_facts(promoted, tag=found(B), earlier=(earlier,))

    decided = plan(lost, at(120))

    status = status_of(decided)
    assert verdict(status, ConditionType.DIGEST_AVAILABLE) == ("True", "RollbackTargetMissing")
    newest, oldest = status.history.revisions
    assert newest.digest_missing_time is None
    assert oldest.digest_missing_time is not None
    assert events(decided).count("RollbackTargetMissing") == 1
    assert plan(after(lost, decided), at(125)).actions == ()


def platforms(*facts: tuple[Fact, bool]) -> tuple[PlatformFact, ...]:
    names = ("linux/amd64", "linux/arm64/v8")
    return tuple(
        PlatformFact(platform=name, fact=fact, was_found=was_found)
        for name, (fact, was_found) in zip(names, facts, strict=True)
    )


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ((found(), True), "DigestFound"),
        ((MISSING, True), "DigestMissing"),
        ((MISSING, False), "DigestFound"),
        ((ONCE_MISSING, True), "DigestFound"),
        ((ASKED, False), "DigestFound"),
    ],
    ids=["there", "was there", "never seen", "once missing", "not asked"],
)
def test_a_platform_counts_as_gone_when_it_has_been_there(
    facts: tuple[Fact, bool], reason: str
) -> None:
    at_rest = pinned()
    observed = with_facts(at_rest, platforms=platforms((found(), True), facts))

    observed = after(observed, plan(observed, at(30)))

    assert verdict(observed.release.status, ConditionType.DIGEST_AVAILABLE)[1] == reason


def test_an_index_without_any_manifest_left_is_gone() -> None:
    empty = with_facts(pinned(), platforms=platforms((MISSING, False), (MISSING, False)))

    status = status_of(plan(empty, at(30)))

    assert verdict(status, ConditionType.DIGEST_AVAILABLE) == ("False", "DigestMissing")
    assert status.registry is not None
    assert status.registry.missing_platforms == ("linux/amd64", "linux/arm64/v8")


def test_a_missing_platform_is_remembered_over_a_restart() -> None:
    broken = with_facts(pinned(), platforms=platforms((found(), True), (MISSING, True)))
    broken = after(broken, plan(broken, at(30)))

    for after_restart in ((), platforms((found(), True), (MISSING, False))):
        assert plan(with_facts(broken, platforms=after_restart), at(60)).actions == ()
    healed = with_facts(broken, platforms=platforms((found(), True), (found(), True)))
    status = status_of(plan(healed, at(60)))
    assert verdict(status, ConditionType.DIGEST_AVAILABLE) == ("True", "DigestFound")


def test_messages_name_the_next_step() -> None:
    status = status_of(plan(with_facts(pinned(), tag=found(B)), at(30)))
    condition = find(status.conditions, ConditionType.TAG_MOVED)
    assert condition is not None
    assert f"tag 1.0 of {REPOSITORY} now points at {DIGEST_B}" in condition.message
    assert "declare its digest" in condition.message


def test_r11_bytes_that_are_not_the_digests_raise_an_alarm_and_touch_nothing() -> None:
    lying = replace(ASKED, trouble=Trouble(kind=TroubleKind.BAD_ANSWER))
    old = replace(lying, asked_since_s=0.0)
    observed = replace(pinned(), registry=RegistryFacts(tag=old, digest=old))

    decided = plan(observed, at(30))

    assert not writes(decided)
    assert events(decided) == ["RegistryBadAnswer"]
    assert verdict(status_of(decided), ConditionType.READY) == ("True", "Pinned")


def content(*manifests: Digest, fact: Fact | None = None) -> TagContent:
    return TagContent(digest=B, fact=fact or found(), manifests=manifests)


def test_a_tag_whose_index_has_the_declared_digest_has_not_moved() -> None:
    inside = with_facts(pinned(), tag=found(B), tag_content=content(C, A))

    status = status_of(plan(inside, at(30)))

    assert verdict(status, ConditionType.TAG_MOVED) == ("False", "TagMatches")
    assert verdict(status, ConditionType.READY) == ("True", "Pinned")
    outside = with_facts(pinned(), tag=found(B), tag_content=content(C))
    status = status_of(plan(outside, at(30)))
    assert verdict(status, ConditionType.TAG_MOVED) == ("True", "TagPointsElsewhere")


def test_a_moved_tag_is_told_once_its_content_has_been_looked_at() -> None:
    at_rest = pinned()

    unread = with_facts(at_rest, tag=found(B), tag_content=content(fact=ASKED))
    assert plan(unread, at(1)).actions == ()
    unreadable = content(fact=replace(ASKED, trouble=DOWN))
    decided = plan(with_facts(at_rest, tag=found(B), tag_content=unreadable), at(30))
    assert verdict(status_of(decided), ConditionType.TAG_MOVED) == ("True", "TagPointsElsewhere")
