"""What ran when: answers from a record, each with what the record can and cannot know.

"Declared" and "ran in pods" are kept apart: a pair is in force from the moment at which it was
written into the workload, and has run everywhere only since the moment at which all pods were ready
on it. Where the record does not know, the answer says so, and between which times.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pinnedrelease.core.drift import DRIFT_LIMIT, DriftKind, DriftRecord
from pinnedrelease.core.history import Gap, Revision, RevisionAction, RevisionResult
from pinnedrelease.core.status import Status

CONTENT_KINDS = frozenset({DriftKind.TEMPLATE, DriftKind.POD_IMAGE})
ONLY_RECORDED = {
    RevisionResult.PLANNED: (
        "recorded; the workload is not known to have taken it, and may run the one before"
    ),
    RevisionResult.NOT_APPLIED: "recorded; a webhook stored another image in its place",
}
"""What is said of the time of a revision that the workload is not known to have had."""


class Certainty(StrEnum):
    """What is known of a time."""

    RAN = "Ran"
    """All pods ran the pair."""
    ROLLING_OUT = "RollingOut"
    """The pair was in force, and not all pods had been ready on it yet."""
    DRIFTED = "Drifted"
    """The pair was in force, and something else was found."""
    IN_FORCE = "InForce"
    """The pair was in force; whether all pods ran it is not recorded."""
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One answer, for all times from ``since`` to ``until``; open ends are None."""

    certainty: Certainty
    since: datetime | None
    until: datetime | None
    revision: Revision | None
    """What was in force; None before the first record."""
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Everything that one source records about one PinnedRelease."""

    source: str
    """Where this comes from, in words."""
    revisions: tuple[Revision, ...]
    """Newest first."""
    drift: tuple[DriftRecord, ...] = ()
    gaps: tuple[Gap, ...] = ()
    drift_known_since: datetime | None = None
    """Drift before this time may have been dropped from the record; None: nothing was."""

    @property
    def reaches_back_to(self) -> datetime | None:
        """The earliest time about which this source can say anything."""
        return min((one.deploy_time for one in self.revisions), default=None)


def timeline_of(status: Status, source: str) -> Timeline:
    """The record in a status."""
    content = tuple(one for one in status.drift if one.kind in CONTENT_KINDS)
    is_full = len(status.drift) >= DRIFT_LIMIT
    return Timeline(
        source=source,
        revisions=status.history.revisions,
        drift=content,
        gaps=status.gaps,
        drift_known_since=min(one.detect_time for one in status.drift) if is_full else None,
    )


def at(timeline: Timeline, when: datetime) -> Segment:
    """The answer for one moment."""
    bounds = [*_bounds(timeline)]
    since = max((one for one in bounds if one <= when), default=None)
    until = min((one for one in bounds if one > when), default=None)
    return _widened(timeline, _state(timeline, when), since, until, bounds)


def during(timeline: Timeline, start: datetime, end: datetime) -> tuple[Segment, ...]:
    """The answers for a span, in order, without hole or overlap."""
    moments = sorted({start, *(one for one in _bounds(timeline) if start < one < end)})
    segments: list[Segment] = []
    for since, until in itertools.pairwise([*moments, end]):
        found = _state(timeline, since)
        segment = Segment(
            certainty=found.certainty,
            since=since,
            until=until,
            revision=found.revision,
            note=found.note,
        )
        if segments and _is_same(segments[-1], segment):
            segment = _joined(segments.pop(), segment)
        segments.append(segment)
    return tuple(segments)


def _widened(
    timeline: Timeline,
    state: Segment,
    since: datetime | None,
    until: datetime | None,
    bounds: list[datetime],
) -> Segment:
    """The same answer for as long as it holds: bounds that change nothing are passed over."""
    while since is not None:
        earlier = max((one for one in bounds if one < since), default=None)
        if earlier is None or not _is_same(_state(timeline, earlier), state):
            break
        since = earlier
    while until is not None and _is_same(_state(timeline, until), state):
        until = min((one for one in bounds if one > until), default=None)
    return Segment(
        certainty=state.certainty,
        since=since,
        until=until,
        revision=state.revision,
        note=state.note,
    )


def _bounds(timeline: Timeline) -> set[datetime]:
    times: set[datetime | None] = {timeline.drift_known_since}
    for revision in timeline.revisions:
        times |= {revision.deploy_time, revision.ready_time, revision.supersede_time}
    for record in timeline.drift:
        times |= {record.detect_time, record.correct_time}
    for gap in timeline.gaps:
        times |= {gap.start, gap.end}
    return {time for time in times if time is not None}


def _state(timeline: Timeline, when: datetime) -> Segment:
    revision = next((one for one in timeline.revisions if _is_in_force(one, when)), None)
    gap = next((one for one in timeline.gaps if one.start <= when < one.end), None)
    if gap is not None:
        return _answer(
            Certainty.UNKNOWN,
            revision,
            f"the workload was changed (by {gap.actor}) while no operator was watching",
        )
    if revision is None:
        begins = timeline.reaches_back_to
        is_hole = begins is not None and when >= begins
        text = "no longer in this record" if is_hole else "earlier than this source can see"
        return _answer(Certainty.UNKNOWN, None, text)
    record = next((one for one in timeline.drift if _was_open(one, when)), None)
    if record is not None:
        found = f"{record.subject} had {record.observed} (by {record.actor})"
        return _answer(Certainty.DRIFTED, revision, found)
    return _state_in_force(timeline, revision, when)


def _state_in_force(timeline: Timeline, revision: Revision, when: datetime) -> Segment:
    if revision.action is RevisionAction.RECOVERED and revision.ready_time is None:
        text = "recovered from the workload's own history; nobody recorded its pods"
        return _answer(Certainty.IN_FORCE, revision, text)
    if revision.result in ONLY_RECORDED:
        return _answer(Certainty.UNKNOWN, revision, ONLY_RECORDED[revision.result])
    if revision.result is RevisionResult.UNKNOWN:
        return _answer(Certainty.IN_FORCE, revision, "declared; pods are not recorded here")
    if revision.ready_time is None or when < revision.ready_time:
        text = "not all pods were ready on it yet"
        if revision.ready_time is None and revision.supersede_time is not None:
            text = "it never was ready on all pods"
        return _answer(Certainty.ROLLING_OUT, revision, text)
    known_since = timeline.drift_known_since
    if known_since is not None and when < known_since:
        text = f"drift is recorded since {known_since:%Y-%m-%dT%H:%M:%SZ} only"
        return _answer(Certainty.IN_FORCE, revision, text)
    return _answer(Certainty.RAN, revision, "all pods were ready on it")


def _is_in_force(revision: Revision, when: datetime) -> bool:
    ends = revision.supersede_time
    return revision.deploy_time <= when and (ends is None or when < ends)


def _was_open(record: DriftRecord, when: datetime) -> bool:
    ends = record.correct_time
    return record.detect_time <= when and (ends is None or when < ends)


def _answer(certainty: Certainty, revision: Revision | None, note: str) -> Segment:
    return Segment(certainty=certainty, since=None, until=None, revision=revision, note=note)


def _is_same(one: Segment, other: Segment) -> bool:
    numbers = [part.revision.number if part.revision else None for part in (one, other)]
    return (one.certainty, one.note) == (other.certainty, other.note) and numbers[0] == numbers[1]


def _joined(one: Segment, other: Segment) -> Segment:
    return Segment(
        certainty=one.certainty,
        since=one.since,
        until=other.until,
        revision=one.revision,
        note=one.note,
    )
