"""What the status will say: facts, history, drift records and conditions of one pass."""

from __future__ import annotations

from dataclasses import replace

from pinnedrelease.core import drift_report, marks, rollback
from pinnedrelease.core.case import Case, is_proven_to_start, is_recorded_head
from pinnedrelease.core.conditions import (
    Condition,
    ConditionStatus,
    ConditionType,
    Reason,
    find,
    settle,
)
from pinnedrelease.core.effective import effective_pin
from pinnedrelease.core.findings import Consequence, Finding, has_rollout_failed
from pinnedrelease.core.gaps import with_gaps
from pinnedrelease.core.history import History, Revision, RevisionResult
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import DesiredPin, EffectivePin, Pin, TargetKind
from pinnedrelease.core.proof import Proof
from pinnedrelease.core.registry_report import RegistryReport, Verdict, report
from pinnedrelease.core.situation import Situation, is_touch_held_back, known_proof
from pinnedrelease.core.stamps import is_rewritten
from pinnedrelease.core.status import Status
from pinnedrelease.core.workload import Container

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


def draft(case: Case, findings: tuple[Finding, ...], intended: History | None = None) -> Status:
    """The status at the end of the pass, on condition that its writes are accepted.

    The first finding decides Ready. A rollout fails whatever else there is to say. ``intended`` is
    the history with the intent, where the caller has it already.
    """
    has_failed = has_rollout_failed(findings)
    release, situation = case.observed.release, case.situation
    history = release.status.history
    if situation is not None:
        history = _history(case, situation, intended, has_failed=has_failed)
    registry = report(case.observed, situation, history, case.now)
    base = replace(
        release.status,
        observed_generation=release.generation,
        conditions=_settled(case, _conditions(case, findings[0], registry)),
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
        drift=drift_report.records(case, situation, registry),
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
    """The history with the pair in force recorded as an intent; not trimmed yet."""
    release, effective = case.observed.release, situation.effective
    written = marks.last_revision(situation.workload.marks, release.name)
    history = release.status.history.with_rewritten(_rewritten(release, situation))
    return history.with_reached(_reached(release, situation, written)).with_intent(
        effective,
        rollback.cause_of(release, effective, situation.desired),
        case.now.wall,
        last_number=max(release.status.revision, written),
    )


def _reached(release: Release, situation: Situation, written: int) -> frozenset[int]:
    """Earlier intents that the workload shows or bears the mark of: their writer got so far."""
    return frozenset(
        one.number
        for one in _earlier_intents(release, situation)
        if one.number == written
        or _is_shown(one.pin, situation)
        or any(_is_marked(one.pin, container, situation) for container in situation.governed)
    )


def _rewritten(release: Release, situation: Situation) -> frozenset[int]:
    """Earlier intents whose marks stand beside an image that a webhook has put there instead."""
    return frozenset(
        one.number
        for one in _earlier_intents(release, situation)
        if not _is_shown(one.pin, situation)
        and any(
            is_rewritten(container) and _is_marked(one.pin, container, situation)
            for container in situation.governed
        )
    )


def _earlier_intents(release: Release, situation: Situation) -> tuple[Revision, ...]:
    return tuple(
        one
        for one in release.status.history.revisions
        if one.result is RevisionResult.PLANNED and one.pin != situation.effective.pin
    )


def _is_shown(pin: Pin, situation: Situation) -> bool:
    return any(pin.is_run_by(container.image) for container in situation.governed)


def _is_marked(pin: Pin, container: Container, situation: Situation) -> bool:
    return marks.pin_of(situation.workload.marks, container.name) == pin.image


def _history(
    case: Case, situation: Situation, intended: History | None, *, has_failed: bool
) -> History:
    """Record the pair once the template has it, or will have it when this pass is done."""
    history = case.observed.release.status.history
    if situation.governed and (case.writing or not situation.differing):
        history = intended or intended_history(case, situation)
        if not is_touch_held_back(case.observed, situation, case.now):
            history = _confirmed(history, case, situation, has_failed=has_failed)
    # Last: which revisions are needed is known only once all of them are settled.
    return history.trimmed(situation.desired.revision_history_limit)


def _confirmed(history: History, case: Case, situation: Situation, *, has_failed: bool) -> History:
    history = history.confirmed()
    if is_proven_to_start(case):
        return history.with_head_ready(case.now.wall)
    if has_failed and is_recorded_head(case) and situation.workload.hold is None:
        return history.with_head_failed()
    return history


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
    conditions.append(_from_verdict(case, ConditionType.DRIFTED, drift_report.drifted(case)))
    conditions.append(_from_verdict(case, ConditionType.TAG_MOVED, registry.tag_moved))
    conditions.append(
        _from_verdict(case, ConditionType.DIGEST_AVAILABLE, registry.digest_available)
    )
    verdict = rollback.rolled_back(case)
    conditions.append(_from_verdict(case, ConditionType.ROLLED_BACK, verdict))
    return tuple(conditions)


def _settled(case: Case, wanted: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """The list to store. Reconciling counts anew when something else is waited for.

    That is another reason, or pods that follow another write: after a restart its time is all that
    is known of how long they have had.
    """
    recorded = case.observed.release.status.conditions
    reconciling = find(wanted, ConditionType.RECONCILING)
    before = find(recorded, ConditionType.RECONCILING)
    situation = case.situation
    begins = case.writing and situation is not None and bool(situation.differing)
    if before is not None and reconciling is not None and before.reason != reconciling.reason:
        begins = True
    kept = (one for one in recorded if not (begins and one.type == ConditionType.RECONCILING))
    return settle(tuple(kept), wanted)


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
