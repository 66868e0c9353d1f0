"""What of drift is told: the records in the status, and the condition Drifted."""

from __future__ import annotations

from pinnedrelease.core import messages, rollout_messages
from pinnedrelease.core.case import Case, has_settled_mismatch, is_correcting, is_rolled_out
from pinnedrelease.core.conditions import ConditionStatus, Reason
from pinnedrelease.core.drift import (
    POD_RECORDS_LIMIT,
    REGISTRY_KINDS,
    DriftKind,
    DriftRecord,
    is_among,
    merge_drift,
    missing_digest,
    pod_drift,
    tag_drift,
    template_drift,
    template_subject,
)
from pinnedrelease.core.history import RevisionResult
from pinnedrelease.core.registry_report import RegistryReport, Verdict
from pinnedrelease.core.situation import Situation
from pinnedrelease.core.stamps import is_left_by_us


def records(case: Case, situation: Situation, registry: RegistryReport) -> tuple[DriftRecord, ...]:
    """The records to store: what this pass finds, in front of what earlier ones did."""
    recorded = case.observed.release.status.drift
    found = _registry_drift(case, situation, registry)
    found += _pod_drift(case, situation)
    if situation.has_drifted:
        fresh = template_drift(
            situation.differing,
            situation.effective.pin,
            situation.workload.target,
            case.now.wall,
        )
        found += tuple(_as_it_began(one, recorded) for one in fresh)
    elif not case.writing:
        found += _not_put_right(situation, recorded)
    return merge_drift(recorded, found, case.now.wall, corrected=case.writing)


def _not_put_right(
    situation: Situation, recorded: tuple[DriftRecord, ...]
) -> tuple[DriftRecord, ...]:
    """Incidents of the pair before, which the new one's write is yet to end."""
    differing = {template_subject(situation.workload.target, one) for one in situation.differing}
    return tuple(
        one
        for one in recorded
        if one.kind is DriftKind.TEMPLATE and one.correct_time is None and one.subject in differing
    )


def _as_it_began(record: DriftRecord, recorded: tuple[DriftRecord, ...]) -> DriftRecord:
    """The incident that a write of ours has not ended, because a webhook rewrote it.

    Such a write takes the field over from whoever is to be named, and leaves another image there.
    An image of ours that a newer pair has made wrong is an incident of its own.
    """
    if not is_left_by_us(record.actor):
        return record
    still = (one for one in recorded if one.correct_time is None and one.kind is record.kind)
    same = (record.subject, record.expected)
    return next((one for one in still if (one.subject, one.expected) == same), record)


def _pod_drift(case: Case, situation: Situation) -> tuple[DriftRecord, ...]:
    """Pods that run other content, once that is settled; each until it is seen to do so no more.

    A pod that is not ready for a moment, or pods that cannot be read, put nothing right.
    """
    still = _open_pod_drift(case, situation)
    if not has_settled_mismatch(case) or case.pods is None:
        return still
    found = pod_drift(case.pods.mismatches, situation.effective.pin, case.now.wall)
    fresh = found[:POD_RECORDS_LIMIT]
    return (*fresh, *(one for one in still if not is_among(one, fresh)))


def _open_pod_drift(case: Case, situation: Situation) -> tuple[DriftRecord, ...]:
    """Recorded drift of single pods of which it is not known that it has ended."""
    recorded = tuple(
        one
        for one in case.observed.release.status.drift
        if one.kind is DriftKind.POD_IMAGE
        and one.correct_time is None
        and one.expected == situation.effective.pin.reference
    )
    if case.pods is None:
        return recorded
    found = pod_drift(case.pods.mismatches, situation.effective.pin, case.now.wall)
    return tuple(one for one in recorded if is_among(one, found))


def _registry_drift(
    case: Case, situation: Situation, registry: RegistryReport
) -> tuple[DriftRecord, ...]:
    """What the registry did to the pair in force. An incident lasts until a clear answer ends it.

    A digest that is held back is a finding of its own, not drift.
    """
    pin, record = situation.effective.pin, registry.record
    moved = tag_drift(pin, record.tag_digest if record else None, case.now.wall)
    gone = missing_digest(pin, record.missing_platforms if record else (), case.now.wall)
    head = case.observed.release.status.history.head
    is_in_force = head is not None and head.pin == pin and head.result is not RevisionResult.PLANNED
    present = {
        DriftKind.TAG_MOVED: (registry.tag_moved.status, ConditionStatus.TRUE, moved),
        DriftKind.DIGEST_MISSING: (registry.digest_available.status, ConditionStatus.FALSE, gone),
    }
    found: list[DriftRecord] = []
    for kind in sorted(REGISTRY_KINDS):
        status, bad, incident = present[kind]
        open_before = tuple(
            one
            for one in case.observed.release.status.drift
            if one.kind is kind and one.correct_time is None and one.subject == incident.subject
        )
        if status is bad and is_in_force:
            found.append(incident)
        elif status is ConditionStatus.UNKNOWN:
            found += open_before
    return tuple(found)


def drifted(case: Case) -> Verdict:
    """The condition: whether anything governed differs from what had been put there."""
    situation = case.situation
    if situation is None or not situation.governed:
        return _verdict(ConditionStatus.UNKNOWN, Reason.NOT_CHECKED, messages.drift_not_checked())
    if situation.has_drifted:
        first, pin = situation.differing[0], situation.effective.pin
        say = messages.drift_being_corrected if case.writing else messages.drift
        return _verdict(ConditionStatus.TRUE, Reason.TEMPLATE_CHANGED, say(first, pin))
    found = _of_pods(case, situation)
    if found is not None:
        return found
    text = messages.no_drift()
    if situation.differing and not case.writing:
        pin = situation.effective.pin
        text = messages.not_written_yet(pin, len(situation.differing), len(situation.governed))
    return _verdict(ConditionStatus.FALSE, Reason.NO_DRIFT_DETECTED, text)


def _of_pods(case: Case, situation: Situation) -> Verdict | None:
    """What pods have to say when the template is right; None when nothing."""
    pin, pods = situation.effective.pin, case.pods
    if has_settled_mismatch(case) and pods is not None:
        text = rollout_messages.pods_mismatch(pin, pods)
        return _verdict(ConditionStatus.TRUE, Reason.PODS_MISMATCH, text)
    if is_correcting(case) and not situation.workload.rollout.finished:
        text = messages.drift_corrected_pods_follow()
        return _verdict(ConditionStatus.TRUE, Reason.TEMPLATE_CHANGED, text)
    still = _open_pod_drift(case, situation)
    if still:
        text = rollout_messages.pods_mismatch_before(still[0].subject, still[0].observed)
        return _verdict(ConditionStatus.TRUE, Reason.PODS_MISMATCH, text)
    if pods is not None and pods.unproven and is_rolled_out(case) and not situation.differing:
        text = rollout_messages.not_proven(pin, pods)
        return _verdict(ConditionStatus.UNKNOWN, Reason.NOT_PROVEN, text)
    return None


def _verdict(status: ConditionStatus, reason: Reason, message: str) -> Verdict:
    return Verdict(status=status, reason=reason, message=message)
