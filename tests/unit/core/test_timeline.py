"""What ran when: each answer with what the record can and cannot know."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

from objects import DIGEST_C
from pinnedrelease.core.drift import DRIFT_LIMIT, DriftKind, DriftRecord
from pinnedrelease.core.history import Cause, Gap, History, Revision, RevisionAction, RevisionResult
from pinnedrelease.core.pin import Pin
from pinnedrelease.core.status import Status
from pinnedrelease.core.timeline import Certainty, Timeline, at, during, timeline_of
from worlds import NOON, PIN_A, PIN_B, pin

PIN_C = pin(DIGEST_C, "1.2")


def minute(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


def revision(
    number: int, declared: Pin, start: float, ready: float | None, end: float | None
) -> Revision:
    return Revision(
        number=number,
        pin=declared,
        action=RevisionAction.PROMOTE,
        result=RevisionResult.SUCCEEDED if ready is not None else RevisionResult.SUPERSEDED,
        cause=Cause(generation=number),
        deploy_time=minute(start),
        ready_time=minute(ready) if ready is not None else None,
        supersede_time=minute(end) if end is not None else None,
    )


def drift(start: float, end: float | None) -> DriftRecord:
    return DriftRecord(
        kind=DriftKind.TEMPLATE,
        subject="Deployment/web container/web",
        expected="x",
        observed="web:dev",
        actor="ana",
        detect_time=minute(start),
        correct_time=minute(end) if end is not None else None,
    )


REVISIONS = (
    revision(3, PIN_A, 60, 61, None),
    revision(2, PIN_B, 30, None, 60),
    revision(1, PIN_A, 0, 1, 30),
)
PLAIN = Timeline(source="test", revisions=REVISIONS)


def answer(timeline: Timeline, number: float) -> tuple[str, int | None]:
    found = at(timeline, minute(number))
    return str(found.certainty), found.revision.number if found.revision else None


def test_the_pair_that_all_pods_ran_is_named() -> None:
    assert answer(PLAIN, 15) == ("Ran", 1)
    assert answer(PLAIN, 1000) == ("Ran", 3)


def test_the_first_and_the_last_moment_belong_to_the_newer_pair() -> None:
    assert answer(PLAIN, 30) == ("RollingOut", 2)
    assert answer(PLAIN, 60) == ("RollingOut", 3)
    assert answer(PLAIN, 61) == ("Ran", 3)


def test_before_the_record_begins_nothing_is_known() -> None:
    found = at(PLAIN, minute(-1))

    assert found.certainty is Certainty.UNKNOWN
    assert (found.since, found.until) == (None, minute(0))


def test_a_pair_that_was_never_ready_is_not_said_to_have_run() -> None:
    assert "never was ready" in at(PLAIN, minute(45)).note


def test_drift_is_told_with_what_was_there_and_by_whom() -> None:
    drifted = replace(PLAIN, drift=(drift(70, 72),))

    found = at(drifted, minute(71))

    assert found.certainty is Certainty.DRIFTED
    assert "web:dev (by ana)" in found.note
    assert (found.since, found.until) == (minute(70), minute(72))
    assert answer(drifted, 72) == ("Ran", 3)


def test_drift_that_lasts_has_no_end() -> None:
    assert at(replace(PLAIN, drift=(drift(70, None),)), minute(5000)).until is None


def test_a_gap_is_unknown_between_two_times() -> None:
    gone = replace(PLAIN, gaps=(Gap(start=minute(70), end=minute(80), actor="ana"),))

    found = at(gone, minute(75))

    assert found.certainty is Certainty.UNKNOWN
    assert (found.since, found.until) == (minute(70), minute(80))
    assert found.revision is not None


def test_drift_that_may_have_been_dropped_is_not_denied() -> None:
    full = Status(
        history=History(revisions=REVISIONS),
        drift=tuple(drift(100 + number, 101 + number) for number in reversed(range(DRIFT_LIMIT))),
    )
    timeline = timeline_of(full, "test")

    assert answer(timeline, 90) == ("InForce", 3)
    assert "since 2026-11-23T13:40:00Z only" in at(timeline, minute(90)).note


def test_an_answer_covers_all_times_for_which_it_holds() -> None:
    found = at(replace(PLAIN, drift=(drift(5, 6), drift(20, 21))), minute(10))

    assert (found.since, found.until) == (minute(6), minute(20))


def test_a_span_is_covered_without_hole_or_overlap() -> None:
    busy = replace(
        PLAIN,
        drift=(drift(70, 72),),
        gaps=(Gap(start=minute(80), end=minute(90), actor="ana"),),
    )

    segments = during(busy, minute(-10), minute(100))

    assert segments[0].since == minute(-10)
    assert segments[-1].until == minute(100)
    for one, other in itertools.pairwise(segments):
        assert one.until == other.since
    assert [str(one.certainty) for one in segments] == [
        "Unknown", "RollingOut", "Ran", "RollingOut", "RollingOut", "Ran", "Drifted", "Ran",
        "Unknown", "Ran",
    ]  # fmt: skip
