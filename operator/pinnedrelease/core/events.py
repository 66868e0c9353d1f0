"""Which events follow from a change of status. Pure: the difference of two values, nothing else."""

from __future__ import annotations

from pinnedrelease.core import messages, registry_messages, rollout_messages
from pinnedrelease.core.actions import EmitEvent, EventType, PairInForce
from pinnedrelease.core.conditions import (
    Condition,
    ConditionStatus,
    ConditionType,
    Reason,
    find,
)
from pinnedrelease.core.drift import REGISTRY_KINDS, DriftKind, DriftRecord, still_differing
from pinnedrelease.core.history import RevisionResult
from pinnedrelease.core.pin import Target
from pinnedrelease.core.status import Status


def events_between(
    before: Status, after: Status, target: Target | None, target_uid: str | None
) -> tuple[EmitEvent, ...]:
    """Events on change only: two equal statuses give none."""
    found = (
        *_drift_events(before, after),
        *_revision_events(before, after, target),
        *_lost_revision_events(before, after),
        *_condition_events(before, after),
    )
    pair = _pair(after)
    return tuple(
        EmitEvent(
            type=kind,
            reason=reason,
            message=text,
            target=target,
            target_uid=target_uid,
            pair=pair,
        )
        for kind, reason, text in found
    )


_Event = tuple[EventType, str, str]
TAG_NEWS = frozenset({"TagMoved", "TagRestored"})


def _pair(status: Status) -> PairInForce | None:
    if status.effective is None:
        return None
    pin, revisions = status.effective.pin, status.history.revisions
    is_recorded = bool(revisions) and revisions[0].pin == pin
    earlier = revisions[1:] if is_recorded else revisions
    return PairInForce(
        pin=pin,
        revision=revisions[0].number if is_recorded else None,
        previous=earlier[0].pin.digest if earlier else None,
    )


def _drift_events(before: Status, after: Status) -> list[_Event]:
    events: list[_Event] = []
    still = still_differing(after.drift)
    for record in after.drift:
        earlier = next((one for one in before.drift if _same_record(one, record)), None)
        if earlier is None:
            events.append(_detected(record))
        is_over = record.correct_time and (earlier is None or earlier.correct_time is None)
        if is_over and (record.kind, record.subject) not in still:
            events.append(_ended(record))
    return events


def _detected(record: DriftRecord) -> _Event:
    text = messages.drift_event(record.subject, record.observed, record.expected, record.actor)
    is_registry = record.kind in REGISTRY_KINDS
    reason = str(record.kind) if is_registry else "DriftDetected"
    return EventType.WARNING, reason, text


def _ended(record: DriftRecord) -> _Event:
    match record.kind:
        case DriftKind.TEMPLATE:
            text = messages.drift_corrected_event(record.subject, record.expected, record.actor)
            return EventType.NORMAL, "DriftCorrected", text
        case DriftKind.POD_IMAGE:
            return (
                EventType.NORMAL,
                "DriftCorrected",
                rollout_messages.pod_drift_over(record.subject),
            )
        case DriftKind.TAG_MOVED:
            return EventType.NORMAL, "TagRestored", registry_messages.tag_restored(record.subject)
        case DriftKind.DIGEST_MISSING:
            return EventType.NORMAL, "DigestFound", registry_messages.digest_back(record.subject)


def _lost_revision_events(before: Status, after: Status) -> list[_Event]:
    """History entries whose digest has gone since; the one in force has a condition of its own."""
    known = {one.number for one in before.history.revisions if one.digest_missing_time is not None}
    return [
        (
            EventType.WARNING,
            str(Reason.ROLLBACK_TARGET_MISSING),
            registry_messages.rollback_target_missing(one),
        )
        for one in after.history.revisions[1:]
        if one.digest_missing_time is not None and one.number not in known
    ]


def _same_record(one: DriftRecord, other: DriftRecord) -> bool:
    return one.is_same_incident(other) and one.detect_time == other.detect_time


def _revision_events(before: Status, after: Status, target: Target | None) -> list[_Event]:
    head = after.history.head
    if head is None or target is None or head.result is RevisionResult.PLANNED:
        return []
    earlier = next((one for one in before.history.revisions if one.number == head.number), None)
    events: list[_Event] = []
    if earlier is None or earlier.result is RevisionResult.PLANNED:
        text = messages.revision_pinned(target, head)
        events.append((EventType.NORMAL, "DigestPinned", text))
    was_ready = earlier is not None and earlier.result is RevisionResult.SUCCEEDED
    if head.result is RevisionResult.SUCCEEDED and not was_ready:
        text = rollout_messages.rollout_completed(target, head, after.pod_summary)
        events.append((EventType.NORMAL, "RolloutCompleted", text))
    return events


def _condition_events(before: Status, after: Status) -> list[_Event]:
    events: list[_Event] = []
    stalled = find(after.conditions, ConditionType.STALLED)
    was_stalled = find(before.conditions, ConditionType.STALLED)
    is_news = stalled is not None and (was_stalled is None or was_stalled.reason != stalled.reason)
    if stalled is not None and is_news and stalled.reason != Reason.ROLLOUT_FAILED:
        events.append((EventType.WARNING, stalled.reason, stalled.message))
    available = find(after.conditions, ConditionType.DIGEST_AVAILABLE)
    was_available = find(before.conditions, ConditionType.DIGEST_AVAILABLE)
    if (
        available is not None
        and available.reason == Reason.REGISTRY_BAD_ANSWER
        and (was_available is None or was_available.reason != available.reason)
    ):
        # It may be bytes that are not the digest's: a broken registry, or an attack.
        events.append((EventType.WARNING, available.reason, available.message))
    events += _override_events(
        find(before.conditions, ConditionType.ROLLED_BACK),
        find(after.conditions, ConditionType.ROLLED_BACK),
    )
    is_suspended, was_suspended = _is_suspended(after), _is_suspended(before)
    if is_suspended and not was_suspended:
        events.append((EventType.NORMAL, "Suspended", messages.suspended()))
    if was_suspended and not is_suspended:
        events.append((EventType.NORMAL, "Resumed", messages.resumed()))
    return events


def _override_events(before: Condition | None, after: Condition | None) -> list[_Event]:
    """Something else than the declared pair comes into force, or does so no more."""
    if after is None or (before is not None and before.reason == after.reason):
        return []
    match after.reason:
        case Reason.OVERRIDE_ACTIVE:
            return [(EventType.WARNING, after.reason, after.message)]
        case Reason.ROLLOUT_FAILED:
            return [(EventType.WARNING, str(Reason.ROLLED_BACK), after.message)]
        case Reason.OVERRIDE_SUPERSEDED:
            return [(EventType.NORMAL, after.reason, after.message)]
        case Reason.NO_OVERRIDE if before is not None and before.status is ConditionStatus.TRUE:
            return [(EventType.NORMAL, "OverrideEnded", after.message)]
        case _:
            return []


def _is_suspended(status: Status) -> bool:
    ready = find(status.conditions, ConditionType.READY)
    return ready is not None and ready.reason in (Reason.SUSPENDED, Reason.SUSPENDED_DRIFTED)
