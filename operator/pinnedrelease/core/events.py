"""Which events follow from a change of status. Pure: the difference of two values, nothing else."""

from __future__ import annotations

from pinnedrelease.core import messages
from pinnedrelease.core.actions import EmitEvent, EventType
from pinnedrelease.core.conditions import ConditionType, Reason, find
from pinnedrelease.core.drift import DriftRecord
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
        *_condition_events(before, after),
    )
    return tuple(
        EmitEvent(type=kind, reason=reason, message=text, target=target, target_uid=target_uid)
        for kind, reason, text in found
    )


_Event = tuple[EventType, str, str]


def _drift_events(before: Status, after: Status) -> list[_Event]:
    events: list[_Event] = []
    for record in after.drift:
        earlier = next((one for one in before.drift if _same_record(one, record)), None)
        if earlier is None:
            text = messages.drift_event(
                record.subject, record.observed, record.expected, record.actor
            )
            events.append((EventType.WARNING, "DriftDetected", text))
        if record.correct_time and (earlier is None or earlier.correct_time is None):
            text = messages.drift_corrected_event(record.subject, record.expected, record.actor)
            events.append((EventType.NORMAL, "DriftCorrected", text))
    return events


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
        text = messages.rollout_completed(target, head, after.pod_summary)
        events.append((EventType.NORMAL, "RolloutCompleted", text))
    return events


def _condition_events(before: Status, after: Status) -> list[_Event]:
    events: list[_Event] = []
    stalled = find(after.conditions, ConditionType.STALLED)
    was_stalled = find(before.conditions, ConditionType.STALLED)
    if stalled is not None and (was_stalled is None or was_stalled.reason != stalled.reason):
        events.append((EventType.WARNING, stalled.reason, stalled.message))
    is_suspended, was_suspended = _is_suspended(after), _is_suspended(before)
    if is_suspended and not was_suspended:
        events.append((EventType.NORMAL, "Suspended", messages.suspended()))
    if was_suspended and not is_suspended:
        events.append((EventType.NORMAL, "Resumed", messages.resumed()))
    return events


def _is_suspended(status: Status) -> bool:
    ready = find(status.conditions, ConditionType.READY)
    return ready is not None and ready.reason in (Reason.SUSPENDED, Reason.SUSPENDED_DRIFTED)
