"""Drift: where the workload differs from the pin, who made it differ, and when it was put right."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from pinnedrelease.core.digest import Digest
from pinnedrelease.core.pin import Pin, Target
from pinnedrelease.core.pods import Mismatch
from pinnedrelease.core.workload import Container

DRIFT_LIMIT = 10
POD_RECORDS_LIMIT = 5
"""One bad node can make every pod differ; the counts say how many."""


class DriftKind(StrEnum):
    """What differs."""

    TEMPLATE = "Template"
    POD_IMAGE = "PodImage"
    TAG_MOVED = "TagMoved"
    DIGEST_MISSING = "DigestMissing"


REGISTRY_KINDS = frozenset({DriftKind.TAG_MOVED, DriftKind.DIGEST_MISSING})
REGISTRY_ACTOR = "registry"


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


def template_subject(target: Target, container: Container) -> str:
    """What a record of kind Template is about."""
    return f"{target} container/{container.name}"


def template_drift(
    differing: tuple[Container, ...], pin: Pin, target: Target, now: datetime
) -> tuple[DriftRecord, ...]:
    """One record for each governed container that has another image than the pin."""
    return tuple(
        DriftRecord(
            kind=DriftKind.TEMPLATE,
            subject=template_subject(target, container),
            expected=pin.reference,
            observed=container.image[:600],
            actor=container.actor[:128],
            detect_time=now,
        )
        for container in differing
    )


def pod_drift(mismatches: tuple[Mismatch, ...], pin: Pin, now: datetime) -> tuple[DriftRecord, ...]:
    """One record for each container of a pod that is proven to run other content."""
    return tuple(
        DriftRecord(
            kind=DriftKind.POD_IMAGE,
            subject=(f"Pod/{one.pod.name} container/{one.container.name} on node {one.pod.node}")[
                :512
            ],
            expected=pin.reference,
            observed=one.container.image_id[:600],
            actor=one.container.changed_by[:128] or "unknown",
            detect_time=now,
        )
        for one in mismatches
    )


def tag_drift(pin: Pin, points_at: Digest | None, now: datetime) -> DriftRecord:
    """The record of a tag that points at other content, or at none."""
    return DriftRecord(
        kind=DriftKind.TAG_MOVED,
        subject=f"tag {pin.spelling}:{pin.tag}",
        expected=str(pin.digest),
        observed=str(points_at) if points_at else "no such tag",
        actor=REGISTRY_ACTOR,
        detect_time=now,
    )


def missing_digest(pin: Pin, platforms: tuple[str, ...], now: datetime) -> DriftRecord:
    """The record of a pinned digest that has gone from the registry, wholly or for platforms."""
    gone = f"no manifest for {', '.join(platforms)}" if platforms else "not in the registry"
    return DriftRecord(
        kind=DriftKind.DIGEST_MISSING,
        subject=f"digest {pin.image}",
        expected="in the registry",
        observed=gone[:600],
        actor=REGISTRY_ACTOR,
        detect_time=now,
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
    the template drift that it found; an earlier open incident that is not found any more ended
    some other way and is closed too. Of what a registry did to one subject only the newest
    incident is kept, so that a tag that moves to and fro pushes nothing else out.
    """
    current = tuple(
        replace(
            record,
            detect_time=_detected_before(record, recorded),
            correct_time=now if corrected and record.kind is DriftKind.TEMPLATE else None,
        )
        for record in found
    )
    earlier = tuple(
        record if record.correct_time is not None else replace(record, correct_time=now)
        for record in recorded
        if not _is_replaced(record, found)
    )
    return (*current, *earlier)[:DRIFT_LIMIT]


def _is_replaced(record: DriftRecord, found: tuple[DriftRecord, ...]) -> bool:
    if record.kind in REGISTRY_KINDS:
        return any((one.kind, one.subject) == (record.kind, record.subject) for one in found)
    return record.correct_time is None and is_among(record, found)


def is_among(record: DriftRecord, others: tuple[DriftRecord, ...]) -> bool:
    """Whether others speak of the same unfinished incident."""
    return any(record.is_same_incident(other) for other in others)


def still_differing(records: tuple[DriftRecord, ...]) -> frozenset[tuple[DriftKind, str]]:
    """What has an unfinished incident: another one that has ended there put nothing right."""
    return frozenset((one.kind, one.subject) for one in records if one.correct_time is None)


def _detected_before(record: DriftRecord, recorded: tuple[DriftRecord, ...]) -> datetime:
    known = (
        earlier.detect_time
        for earlier in recorded
        if earlier.correct_time is None and earlier.is_same_incident(record)
    )
    return next(known, record.detect_time)
