"""``plan(observed, now)``: the one place where it is decided what happens. Pure and total."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pinnedrelease.core import marks, messages, rollback
from pinnedrelease.core.actions import (
    Action,
    ApplyImages,
    KeptContainer,
    LetGo,
    PinnedContainer,
    RecordIntent,
    WriteStatus,
)
from pinnedrelease.core.case import (
    ROLLOUT_REASONS,
    Case,
    begun_at,
    grace_left_s,
    is_unsettled,
    missing_since_s,
    rollout_left_s,
    rollout_start,
    settle_left_s,
    unsettled_since_s,
)
from pinnedrelease.core.conditions import Reason
from pinnedrelease.core.draft import draft, draft_intent, intended_history
from pinnedrelease.core.events import TAG_NEWS, events_between
from pinnedrelease.core.fights import Fight
from pinnedrelease.core.findings import Consequence, Finding, examine, has_rollout_failed
from pinnedrelease.core.letting_go import letting_go
from pinnedrelease.core.observed import (
    Instant,
    InvalidSpec,
    Memory,
    Observed,
    Refusal,
    RefusalKind,
    RolloutStart,
)
from pinnedrelease.core.pods import PodReport
from pinnedrelease.core.recovery import with_recovered_history
from pinnedrelease.core.registry_gate import Gate, gate, wait_left_s
from pinnedrelease.core.situation import (
    Situation,
    assess,
    held_back_s,
    is_asked_anew,
    is_due,
    may_write,
    pod_report,
)
from pinnedrelease.core.stamps import with_persons
from pinnedrelease.core.status import Status
from pinnedrelease.core.workload import Fence

SHORTEST_REQUEUE_S = 0.05
TAG_NEWS_SPACING_S = 600.0
"""A tag that moves to and fro is told at most once in ten minutes; the status follows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One pass, in order. No actions means settled."""

    actions: tuple[Action, ...]
    findings: tuple[Finding, ...]
    """All that was found; the first finding decides Ready."""
    memory: Memory
    """What to remember once the actions have been carried out."""
    requeue_after_s: float | None = None
    """Look again after so many seconds even if nothing happens; None when nothing is awaited."""

    @property
    def writes_workload(self) -> bool:
        """Whether the target is touched in any way."""
        return any(isinstance(one, ApplyImages | LetGo) for one in self.actions)


def plan(observed: Observed, now: Instant) -> Plan:
    """Decide. Total: returns for every observed world, raises for none (ADR 3)."""
    if observed.release.deleting:
        return Plan(actions=(), findings=(), memory=Memory())
    observed = with_persons(with_recovered_history(observed, now))
    situation = assess(observed)
    pods = pod_report(observed, situation) if situation is not None else None
    memory = _memory(observed, situation, pods, now)
    observed = replace(observed, memory=memory)
    writing = (
        situation is not None
        and may_write(observed, situation, now)
        and gate(observed, situation, now) is Gate.OPEN
    )
    case = Case(observed=observed, situation=situation, now=now, writing=writing, pods=pods)
    findings = examine(case)
    if situation is None:
        return _reporting_plan(case, findings)
    if writing:
        return _writing_plan(case, situation, findings)
    # The status first: whoever may not write the workload has to be able to say so.
    told = _reporting_plan(case, findings)
    released = letting_go(observed, situation, now)
    return told if released is None else replace(told, actions=(*told.actions, released))


def _writing_plan(case: Case, situation: Situation, findings: tuple[Finding, ...]) -> Plan:
    """Record the intent, write the workload, report: in this order, each on condition of the last.

    The intent is recorded only for a new pair; putting drift right changes no history.
    """
    recorded = case.observed.release.status
    intended = intended_history(case, situation)
    final = draft(case, findings, intended)
    kept = intended.trimmed(situation.desired.revision_history_limit)
    actions: list[Action] = []
    if kept != recorded.history:
        actions.append(RecordIntent(status=draft_intent(final, recorded, kept)))
    actions.append(_apply_images(case, situation, final))
    told, memory = _report(case, final)
    actions += told
    memory = replace(memory, refusal=None)
    if situation.differing:
        begun = RolloutStart(recorded=begun_at(final), since_s=case.now.monotonic_s)
        memory = replace(memory, rollout=begun)
    if situation.has_drifted:
        managers = frozenset(container.actor for container in situation.differing)
        fight = memory.fight.after_correction(managers, case.now.monotonic_s)
        memory = replace(memory, fight=fight)
    return Plan(
        actions=tuple(actions),
        findings=findings,
        memory=_with_status_written(memory, case.now),
        requeue_after_s=_requeue_after_s(case, findings),
    )


def _reporting_plan(case: Case, findings: tuple[Finding, ...]) -> Plan:
    """Write the status if it says anything new, but a mere step of a rollout not too often."""
    recorded = case.observed.release.status
    final = draft(case, findings)
    memory = case.observed.memory
    wait_s = _requeue_after_s(case, findings)
    if final == recorded or _is_short_wait(case, findings[0], final):
        return Plan(actions=(), findings=findings, memory=memory, requeue_after_s=wait_s)
    pause_s = _progress_pause_s(case, recorded, final)
    if pause_s > 0:
        soonest_s = min(pause_s, wait_s) if wait_s is not None else pause_s
        return Plan(actions=(), findings=findings, memory=memory, requeue_after_s=soonest_s)
    told, memory = _report(case, final)
    return Plan(
        actions=tuple(told),
        findings=findings,
        memory=_with_status_written(memory, case.now),
        requeue_after_s=wait_s,
    )


def _is_short_wait(case: Case, finding: Finding, final: Status) -> bool:
    """Whether there is nothing to tell but that the registry's answer is awaited.

    The wait lasts seconds, and ``observedGeneration`` says honestly that the spec is newer. That an
    override has ended is remembered at once: the next spec may be what it was for again.
    """
    recorded = case.observed.release.status
    return (
        bool(recorded.conditions)
        and _is_at_gate(case)
        and finding.consequence is Consequence.WAITS
        and final.ended_override == recorded.ended_override
    )


def _is_at_gate(case: Case) -> bool:
    situation = case.situation
    return situation is not None and gate(case.observed, situation, case.now) is Gate.WAITING


def _report(case: Case, final: Status) -> tuple[list[Action], Memory]:
    recorded = case.observed.release.status
    situation = case.situation
    target = situation.workload.target if situation else None
    uid = situation.workload.uid if situation else None
    events = events_between(recorded, final, target, uid)
    memory = case.observed.memory
    is_flapping = (
        memory.tag_news_at_s is not None
        and case.now.monotonic_s - memory.tag_news_at_s < TAG_NEWS_SPACING_S
    )
    if is_flapping:
        events = tuple(event for event in events if event.reason not in TAG_NEWS)
    elif any(event.reason in TAG_NEWS for event in events):
        memory = replace(memory, tag_news_at_s=case.now.monotonic_s)
    return [WriteStatus(status=final), *events], memory


def _apply_images(case: Case, situation: Situation, final: Status) -> ApplyImages:
    release, workload, pin = case.observed.release, situation.workload, situation.effective.pin
    governed = frozenset(container.name for container in situation.governed)
    fresh = {f"{marks.PIN_PREFIX}{container.name}": pin.image for container in situation.governed}
    fence = Fence(release_uid=release.uid, generation=release.generation)
    fresh[f"{marks.FENCE_PREFIX}{release.name}"] = str(fence)
    if final.history.head is not None:
        fresh[marks.CHANGE_CAUSE] = messages.change_cause(release.name, final.history.head)
    return ApplyImages(
        target=workload.target,
        uid=workload.uid,
        resource_version=workload.resource_version,
        pinned=tuple(
            PinnedContainer(name=container.name, init=container.init, pin=pin)
            for container in situation.governed
        ),
        kept=tuple(
            KeptContainer(name=container.name, init=container.init, image=container.image)
            for container in workload.named(workload.owned_containers - governed)
        ),
        marks=marks.merged(workload.marks, fresh),
    )


def _memory(
    observed: Observed, situation: Situation | None, pods: PodReport | None, now: Instant
) -> Memory:
    """What is remembered, brought up to date: since when the target is missing, old refusals."""
    memory = observed.memory
    awaited = situation is None and not isinstance(observed.release.spec, InvalidSpec)
    refusal = memory.refusal
    if refusal is not None and _is_over(refusal, observed, situation):
        refusal = None
    return replace(
        memory,
        missing_since_s=missing_since_s(observed, now) if awaited else None,
        refusal=refusal,
        fight=Fight() if is_asked_anew(observed.release) else memory.fight.at(now.monotonic_s),
        pods_unsettled_since_s=(
            unsettled_since_s(observed, pods, now) if is_unsettled(situation, pods) else None
        ),
        rollout=rollout_start(observed, situation, now),
    )


def _is_over(refusal: Refusal, observed: Observed, situation: Situation | None) -> bool:
    """Whether somebody has asked anew, or a write that only seemed to fail has been stored."""
    if refusal.kind is RefusalKind.FAILED and situation is not None:
        return not (refusal.is_of(observed.release) and is_due(observed, situation))
    return not refusal.is_of(observed.release)


def _with_status_written(memory: Memory, now: Instant) -> Memory:
    return replace(memory, status_written_at_s=now.monotonic_s)


def _progress_pause_s(case: Case, recorded: Status, final: Status) -> float:
    """Seconds by which a status write has to wait because it only tells a rollout's progress."""
    written_at_s = case.observed.memory.status_written_at_s
    if written_at_s is None or not _is_progress_only(recorded, final):
        return 0.0
    elapsed_s = case.now.monotonic_s - written_at_s
    return max(0.0, case.observed.limits.progress_interval_s - elapsed_s)


def _is_progress_only(recorded: Status, final: Status) -> bool:
    """Whether two statuses differ in the count of pods and in messages, and in nothing else."""

    def without_progress(status: Status) -> Status:
        silent = tuple(replace(condition, message="") for condition in status.conditions)
        return replace(status, pod_summary=None, pods=None, running=(), conditions=silent)

    return without_progress(recorded) == without_progress(final)


def _requeue_after_s(case: Case, findings: tuple[Finding, ...]) -> float | None:
    """When to look again without being woken: something is awaited that no watch announces."""
    waits: list[float] = []
    now, observed, finding = case.now, case.observed, findings[0]
    if finding.reason is Reason.WAITING_FOR_TARGET:
        waits.append(grace_left_s(observed, now))
    settle_s = settle_left_s(case)
    if settle_s > 0:
        waits.append(settle_s)
    elif any(one.reason in ROLLOUT_REASONS for one in findings):
        waits.append(rollout_left_s(case))
    if _is_at_gate(case):
        waits.append(wait_left_s(observed, now))
    elif finding.reason is Reason.PROGRESSING and finding.consequence is Consequence.WAITS:
        waits.append(1.0)
    expires_s = rollback.expires_in_s(case)
    if expires_s is not None:
        waits.append(expires_s)
    if rollback.is_taken_back(case, has_failed=has_rollout_failed(findings)):
        waits.append(SHORTEST_REQUEUE_S)
    held_s = held_back_s(observed, now)
    if held_s > 0:
        waits.append(held_s)
    if observed.memory.fight.opponent is not None:
        waits.append(observed.memory.fight.quiet_in_s(now.monotonic_s))
    return max(min(waits), SHORTEST_REQUEUE_S) if waits else None
