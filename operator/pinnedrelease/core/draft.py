"""What the status will say: facts, history, drift records and conditions of one pass."""

from __future__ import annotations

from dataclasses import replace

from pinnedrelease.core import marks, messages, rollback, rollout_messages
from pinnedrelease.core.case import (
    Case,
    has_settled_mismatch,
    is_correcting,
    is_proven_to_start,
    is_rolled_out,
)
from pinnedrelease.core.conditions import (
    Condition,
    ConditionStatus,
    ConditionType,
    Reason,
    settle,
)
from pinnedrelease.core.drift import (
    POD_RECORDS_LIMIT,
    REGISTRY_KINDS,
    DriftKind,
    DriftRecord,
    merge_drift,
    missing_digest,
    pod_drift,
    tag_drift,
    template_drift,
)
from pinnedrelease.core.effective import effective_pin
from pinnedrelease.core.findings import Consequence, Finding, has_rollout_failed
from pinnedrelease.core.gaps import with_gaps
from pinnedrelease.core.history import History, RevisionResult
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import DesiredPin, EffectivePin, TargetKind
from pinnedrelease.core.proof import Proof
from pinnedrelease.core.registry_report import RegistryReport, Verdict, report
from pinnedrelease.core.situation import Situation, known_proof
from pinnedrelease.core.status import Status

CONTAINERS_LIMIT = 32


def draft_intent(final: Status, recorded: Status, intended: History) -> Status:
    """The status that is written before the workload: the intent, and nothing that is not yet so.

    ``observedGeneration`` stays behind: the generation has been seen, but not yet acted on.
    """
    return replace(
        final,
        observed_generation=recorded.observed_generation,
        history=intended,
        drift=recorded.drift,
    )


def draft(case: Case, findings: tuple[Finding, ...]) -> Status:
    """The status at the end of the pass, on condition that its writes are accepted.

    The first finding decides Ready. A rollout fails whatever else there is to say.
    """
    has_failed = has_rollout_failed(findings)
    release, situation = case.observed.release, case.situation
    history = release.status.history
    if situation is not None:
        history = _history(case, situation, has_failed=has_failed)
    registry = report(case.observed, situation, history, case.now)
    base = replace(
        release.status,
        observed_generation=release.generation,
        conditions=settle(release.status.conditions, _conditions(case, findings[0], registry)),
        last_handled_reconcile_at=release.requested_at or release.status.last_handled_reconcile_at,
        ended_override=rollback.ended_override(release),
        failed_generation=rollback.failed_generation(case, has_failed=has_failed),
    )
    if situation is None:
        return replace(
            base, effective=_without_target(release), pod_summary=None, pods=None, running=()
        )
    history = registry.history
    head = history.head
    return replace(
        base,
        effective=situation.effective,
        target=str(situation.workload.target),
        containers=_containers(case, situation),
        pod_summary=_pod_summary(case, situation),
        pods=case.pods.counts if case.pods else release.status.pods,
        running=case.pods.running if case.pods else release.status.running,
        proof=_recorded_proof(known_proof(case.observed, situation)),
        drift=_drift(case, situation, registry),
        registry=registry.record,
        history=history,
        revision=max(head.number if head else 0, release.status.revision),
        deploy_time=head.deploy_time if head and head.pin == situation.effective.pin else None,
        gaps=with_gaps(case.observed, situation, case.now),
    )


def _without_target(release: Release) -> EffectivePin | None:
    """Tables show what is declared while there is nothing yet that could run it."""
    if not isinstance(release.spec, DesiredPin):
        return release.status.effective
    return effective_pin(release.spec, release.status, release.generation)


def intended_history(case: Case, situation: Situation) -> History:
    """The history with the pair in force recorded as an intent."""
    release, effective = case.observed.release, situation.effective
    written = marks.last_revision(situation.workload.marks, release.name)
    return (
        release.status.history.with_reached(_reached(release, situation, written))
        .with_intent(
            effective,
            rollback.cause_of(release, effective, situation.desired),
            case.now.wall,
            last_number=max(release.status.revision, written),
        )
        .trimmed(situation.desired.revision_history_limit)
    )


def _reached(release: Release, situation: Situation, written: int) -> frozenset[int]:
    """Earlier intents that the workload shows or bears the mark of: their writer got so far."""
    pins = dict(situation.workload.marks)
    return frozenset(
        one.number
        for one in release.status.history.revisions
        if one.result is RevisionResult.PLANNED
        and one.pin != situation.effective.pin
        and (
            one.number == written
            or any(
                one.pin.is_run_by(container.image)
                or pins.get(f"{marks.PIN_PREFIX}{container.name}") == one.pin.image
                for container in situation.governed
            )
        )
    )


def _history(case: Case, situation: Situation, *, has_failed: bool) -> History:
    """Record the pair once the template has it, or will have it when this pass is done."""
    recorded = case.observed.release.status.history
    in_force = bool(situation.governed) and (case.writing or not situation.differing)
    if not in_force:
        return recorded.trimmed(situation.desired.revision_history_limit)
    history = intended_history(case, situation).confirmed()
    if is_proven_to_start(case):
        return history.with_head_ready(case.now.wall)
    if has_failed:
        return history.with_head_failed()
    return history


def _drift(case: Case, situation: Situation, registry: RegistryReport) -> tuple[DriftRecord, ...]:
    recorded = case.observed.release.status.drift
    found = _registry_drift(case, situation, registry)
    found += _pod_drift(case, situation)
    if situation.has_drifted:
        found += template_drift(
            situation.differing,
            situation.effective.pin,
            situation.workload.target,
            case.now.wall,
        )
    return merge_drift(recorded, found, case.now.wall, corrected=case.writing)


def _pod_drift(case: Case, situation: Situation) -> tuple[DriftRecord, ...]:
    """Pods that run other content, once that is settled; each until it is seen to do so no more.

    A pod that is not ready for a moment, or pods that cannot be read, put nothing right.
    """
    still = open_pod_drift(case, situation)
    if not has_settled_mismatch(case) or case.pods is None:
        return still
    fresh = pod_drift(case.pods.mismatches, situation.effective.pin, case.now.wall)
    fresh = fresh[:POD_RECORDS_LIMIT]
    return (*fresh, *(one for one in still if not any(map(one.is_same_incident, fresh))))


def open_pod_drift(case: Case, situation: Situation) -> tuple[DriftRecord, ...]:
    """Recorded drift of single pods of which it is not known that it has ended."""
    recorded = tuple(
        one
        for one in case.observed.release.status.drift
        if one.kind is DriftKind.POD_IMAGE and one.correct_time is None
    )
    if case.pods is None:
        return recorded
    found = pod_drift(case.pods.mismatches, situation.effective.pin, case.now.wall)
    return tuple(one for one in recorded if any(map(one.is_same_incident, found)))


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


def _recorded_proof(proof: Proof) -> Proof | None:
    """A proof that says something."""
    return proof if proof.platforms or proof.same or proof.other else None


def _containers(case: Case, situation: Situation) -> tuple[str, ...]:
    """The governed names; one whose container is gone for now is remembered (design 3.3)."""
    names = situation.selection.names - situation.contested
    if situation.desired.containers:
        return tuple(sorted(names))
    before = frozenset(case.observed.release.status.containers) - situation.contested
    return tuple(sorted(names | before)[:CONTAINERS_LIMIT])


def _pod_summary(case: Case, situation: Situation) -> str | None:
    """Pods that run the pin / pods wanted; for a CronJob, those that run now."""
    rollout = situation.workload.rollout
    if situation.workload.target.kind is TargetKind.CRON_JOB:
        counts = case.pods.counts if case.pods else None
        return f"{counts.matching}/{counts.current}" if counts and counts.current else None
    if case.pods is not None:
        return f"{case.pods.counts.matching}/{rollout.desired}"
    has_pin = situation.governed and not situation.differing and not case.writing
    matching = min(rollout.updated, rollout.ready) if has_pin and rollout.observed else 0
    return f"{matching}/{rollout.desired}"


def _conditions(case: Case, finding: Finding, registry: RegistryReport) -> tuple[Condition, ...]:
    ready_status, ready_reason = {
        Consequence.SETTLED: (ConditionStatus.TRUE, finding.reason),
        Consequence.WAITS: (ConditionStatus.UNKNOWN, Reason.PROGRESSING),
        Consequence.DIFFERS: (ConditionStatus.FALSE, finding.reason),
        Consequence.STALLS: (ConditionStatus.FALSE, finding.reason),
    }[finding.consequence]
    conditions = [
        _condition(case, ConditionType.READY, ready_status, ready_reason, finding.message)
    ]
    extra = {
        Consequence.WAITS: ConditionType.RECONCILING,
        Consequence.STALLS: ConditionType.STALLED,
    }.get(finding.consequence)
    if extra is not None:
        conditions.append(
            _condition(case, extra, ConditionStatus.TRUE, finding.reason, finding.message)
        )
    conditions.append(_drifted(case))
    conditions.append(_from_verdict(case, ConditionType.TAG_MOVED, registry.tag_moved))
    conditions.append(
        _from_verdict(case, ConditionType.DIGEST_AVAILABLE, registry.digest_available)
    )
    verdict = rollback.rolled_back(case)
    conditions.append(_from_verdict(case, ConditionType.ROLLED_BACK, verdict))
    return tuple(conditions)


def _drifted(case: Case) -> Condition:
    situation = case.situation
    kind = ConditionType.DRIFTED
    if situation is None or not situation.governed:
        text = messages.drift_not_checked()
        return _condition(case, kind, ConditionStatus.UNKNOWN, Reason.NOT_CHECKED, text)
    if situation.has_drifted:
        first, pin = situation.differing[0], situation.effective.pin
        say = messages.drift_being_corrected if case.writing else messages.drift
        text = say(first, pin)
        return _condition(case, kind, ConditionStatus.TRUE, Reason.TEMPLATE_CHANGED, text)
    if has_settled_mismatch(case) and case.pods is not None:
        text = rollout_messages.pods_mismatch(situation.effective.pin, case.pods)
        return _condition(case, kind, ConditionStatus.TRUE, Reason.PODS_MISMATCH, text)
    if is_correcting(case) and not situation.workload.rollout.finished:
        text = messages.drift_corrected_pods_follow()
        return _condition(case, kind, ConditionStatus.TRUE, Reason.TEMPLATE_CHANGED, text)
    still = open_pod_drift(case, situation)
    if still:
        text = rollout_messages.pods_mismatch_before(still[0].subject, still[0].observed)
        return _condition(case, kind, ConditionStatus.TRUE, Reason.PODS_MISMATCH, text)
    if case.pods is not None and case.pods.unproven and is_rolled_out(case):
        text = rollout_messages.not_proven(situation.effective.pin, case.pods)
        return _condition(case, kind, ConditionStatus.UNKNOWN, Reason.NOT_PROVEN, text)
    text = messages.no_drift()
    if situation.differing and not case.writing:
        pin = situation.effective.pin
        text = messages.not_written_yet(pin, len(situation.differing), len(situation.governed))
    return _condition(case, kind, ConditionStatus.FALSE, Reason.NO_DRIFT_DETECTED, text)


def _from_verdict(case: Case, kind: ConditionType, verdict: Verdict) -> Condition:
    return _condition(case, kind, verdict.status, verdict.reason, verdict.message)


def _condition(
    case: Case, kind: ConditionType, status: ConditionStatus, reason: str, message: str
) -> Condition:
    return Condition(
        type=kind,
        status=status,
        reason=reason,
        message=message,
        observed_generation=case.observed.release.generation,
        last_transition_time=case.now.wall,
    )
