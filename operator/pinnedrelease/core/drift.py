"""Drift: where the workload differs from the pin, who made it differ, and when it was put right."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from pinnedrelease.core.pin import Pin, Target
from pinnedrelease.core.workload import Container

DRIFT_LIMIT = 10


class DriftKind(StrEnum):
    """What differs."""

    TEMPLATE = "Template"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRecord:
    """One incident. It stays visible after its correction until ten newer ones push it out."""

    kind: DriftKind
    subject: str
    expected: str
    observed: str
    actor: str
    detect_time: datetime
    correct_time: datetime | None = None

    def is_same_incident(self, other: DriftRecord) -> bool:
        """Whether two records speak of one unfinished incident, seen in two passes."""
        mine = (self.kind, self.subject, self.expected, self.observed, self.actor)
        theirs = (other.kind, other.subject, other.expected, other.observed, other.actor)
        return mine == theirs


def template_drift(
    differing: tuple[Container, ...], pin: Pin, target: Target, now: datetime
) -> tuple[DriftRecord, ...]:
    """One record for each governed container that has another image than the pin."""
    return tuple(
        DriftRecord(
            kind=DriftKind.TEMPLATE,
            subject=f"{target} container/{container.name}",
            expected=pin.reference,
            observed=container.image[:600],
            actor=container.actor[:128],
            detect_time=now,
        )
        for container in differing
    )


def merge_drift(
    recorded: tuple[DriftRecord, ...],
    found: tuple[DriftRecord, ...],
    now: datetime,
    *,
    corrected: bool,
) -> tuple[DriftRecord, ...]:
    """The records to store: what was found first, then the earlier ones, newest first.

    An incident seen before keeps its detect time. ``corrected`` says that this pass puts right
    what it found; an earlier open incident that is not found any more ended some other way and is
    closed too.
    """
    current = tuple(
        replace(
            record,
            detect_time=_detected_before(record, recorded),
            correct_time=now if corrected else None,
        )
        for record in found
    )
    earlier = tuple(
        record if record.correct_time is not None else replace(record, correct_time=now)
        for record in recorded
        if record.correct_time is not None or not _is_among(record, found)
    )
    return (*current, *earlier)[:DRIFT_LIMIT]


def _is_among(record: DriftRecord, others: tuple[DriftRecord, ...]) -> bool:
    return any(record.is_same_incident(other) for other in others)


def _detected_before(record: DriftRecord, recorded: tuple[DriftRecord, ...]) -> datetime:
    known = (
        earlier.detect_time
        for earlier in recorded
        if earlier.correct_time is None and earlier.is_same_incident(record)
    )
    return next(known, record.detect_time)
