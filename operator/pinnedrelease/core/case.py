"""What a check may look at in one pass, and how far the rollout in it has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pinnedrelease.core.conditions import ConditionType, Reason, find
from pinnedrelease.core.drift import DriftKind
from pinnedrelease.core.history import RevisionResult
from pinnedrelease.core.observed import NOT_RUNNING, Instant, Observed, RolloutStart
from pinnedrelease.core.pin import TargetKind
from pinnedrelease.core.pods import PodReport
from pinnedrelease.core.situation import Situation
from pinnedrelease.core.status import Status

ROLLOUT_REASONS = frozenset({Reason.ROLLING_OUT, Reason.CORRECTING_DRIFT})
"""Of Reconciling, while pods follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a check may look at. ``writing`` says that this pass writes the workload."""

    observed: Observed
    situation: Situation | None
    now: Instant
    writing: bool = False
    pods: PodReport | None = None
    """What the target's pods run; None when pods are not watched."""


def missing_since_s(observed: Observed, now: Instant) -> float:
    """Since when a target is missing, on the monotonic clock.

    A restarted process does not begin anew: that its predecessor waited stands in the status.
    """
    since_s = observed.memory.missing_since_s
    if since_s is not None:
        return since_s
    reconciling = find(observed.release.status.conditions, ConditionType.RECONCILING)
    if reconciling is None or reconciling.reason != Reason.WAITING_FOR_TARGET:
        return now.monotonic_s
    waited_s = (now.wall - reconciling.last_transition_time).total_seconds()
    return now.monotonic_s - max(0.0, waited_s)


def grace_left_s(observed: Observed, now: Instant) -> float:
    """Seconds for which a missing target is still awaited."""
    stalled = find(observed.release.status.conditions, ConditionType.STALLED)
    if stalled is not None and stalled.reason == Reason.TARGET_NOT_FOUND:
        return 0.0
    waited_s = now.monotonic_s - missing_since_s(observed, now)
    return max(0.0, observed.limits.target_grace_s - waited_s)


def is_rolled_out(case: Case) -> bool:
    """Whether the workload says that it is done, and its pods look like it or had time to."""
    situation = case.situation
    if situation is None or case.writing or not situation.workload.rollout.finished:
        return False
    return settle_left_s(case) <= 0


def is_unsettled(situation: Situation | None, pods: PodReport | None) -> bool:
    """Whether a workload says that it is done while its pods do not look like it.

    The watch of pods may be behind for a moment. Jobs that run are none of a rollout's business.
    """
    if situation is None or pods is None or not situation.workload.rollout.finished:
        return False
    if situation.workload.target.kind is TargetKind.CRON_JOB or situation.differing:
        return False
    counts = pods.counts
    return bool(counts.mismatched or pods.pending) or counts.current < counts.desired


def unsettled_since_s(observed: Observed, pods: PodReport | None, now: Instant) -> float:
    """Since when pods do not look like it; what was told before a restart needs no second look."""
    since_s = observed.memory.pods_unsettled_since_s
    if since_s is not None:
        return since_s
    drifted = find(observed.release.status.conditions, ConditionType.DRIFTED)
    was_told = drifted is not None and drifted.reason == Reason.PODS_MISMATCH
    if was_told and pods is not None and pods.mismatches:
        return now.monotonic_s - observed.limits.pods_settle_s
    return now.monotonic_s


def settle_left_s(case: Case) -> float:
    """Seconds for which pods may still lag behind their workload's own report."""
    since_s = case.observed.memory.pods_unsettled_since_s
    if since_s is None or not is_unsettled(case.situation, case.pods):
        return 0.0
    return max(0.0, since_s + case.observed.limits.pods_settle_s - case.now.monotonic_s)


def has_settled_mismatch(case: Case) -> bool:
    """Whether pods are proven to run other content, and not just because news are on their way."""
    return (
        case.pods is not None
        and bool(case.pods.mismatches)
        and not case.writing
        and is_unsettled(case.situation, case.pods)
        and settle_left_s(case) <= 0
    )


def is_proven_to_start(case: Case) -> bool:
    """Whether pods became ready on the pair. Where none are wanted, nothing is known of it.

    A CronJob's pods come and go by its own plan: its template is all that is put right.
    """
    situation = case.situation
    if situation is None or not is_rolled_out(case) or has_settled_mismatch(case):
        return False
    workload = situation.workload
    return workload.rollout.desired > 0 or workload.target.kind is TargetKind.CRON_JOB


def replaced_pods(case: Case) -> int:
    """How many pods run the pin already."""
    if case.writing or case.situation is None:
        return 0
    if case.pods is not None:
        return case.pods.counts.matching
    return case.situation.workload.rollout.updated


def is_correcting(case: Case) -> bool:
    """Whether the rollout at hand puts drift right, now or since an earlier pass."""
    situation = case.situation
    if situation is None or situation.is_new_pair:
        return False
    if case.writing:
        return bool(situation.differing)
    reconciling = find(case.observed.release.status.conditions, ConditionType.RECONCILING)
    return reconciling is not None and reconciling.reason == Reason.CORRECTING_DRIFT


def has_timed_out(case: Case) -> bool:
    """Whether the rollout has lasted longer than ``spec.timeout``, or had when it was recorded."""
    return rollout_left_s(case) <= 0


def rollout_left_s(case: Case) -> float:
    """Seconds that a rollout still has, counted from its start or its newest correction."""
    situation = case.situation
    if situation is None:
        return 0.0
    release = case.observed.release
    stalled = find(release.status.conditions, ConditionType.STALLED)
    head = release.status.history.head
    # One that was only late because somebody held it has its whole time once they let go.
    was_held = head is not None and head.result is RevisionResult.IN_PROGRESS
    if (
        stalled is not None
        and stalled.reason == Reason.ROLLOUT_TIMEOUT
        and stalled.observed_generation == release.generation
        and not (was_held and situation.workload.hold is None)
    ):
        return 0.0
    elapsed_s = case.now.monotonic_s - _start(case.observed, situation, case.now).since_s
    return situation.desired.timeout.total_seconds() - elapsed_s


def is_recorded_head(case: Case) -> bool:
    """Whether the pair in force is recorded already, so that its rollout may have had its time."""
    head, situation = case.observed.release.status.history.head, case.situation
    return head is not None and situation is not None and head.pin == situation.effective.pin


def rollout_start(observed: Observed, situation: Situation | None, now: Instant) -> RolloutStart:
    """From when on the time of the rollout at hand counts, or that none does."""
    if situation is None or situation.differing or situation.workload.hold is not None:
        return NOT_RUNNING
    is_finished = situation.workload.rollout.finished
    return NOT_RUNNING if is_finished else _start(observed, situation, now)


def begun_at(status: Status) -> datetime | None:
    """The newest of what begins a rollout, as the status has it: a pair, or a correction."""
    head = status.history.head
    begun = [one.correct_time for one in status.drift if one.kind is DriftKind.TEMPLATE]
    begun += [head.deploy_time] if head is not None else []
    return max((time for time in begun if time is not None), default=None)


def _start(observed: Observed, situation: Situation, now: Instant) -> RolloutStart:
    """From when on time counts. A wall clock that is set later changes nothing.

    After a restart Reconciling says since when; where something graver was to be said, it counts
    anew.
    """
    status, known = observed.release.status, observed.memory.rollout
    recorded, head = begun_at(status), status.history.head
    is_of_another = head is not None and head.pin != situation.effective.pin
    was_not_running = known is NOT_RUNNING and situation.workload.hold is None
    if known is not None and (is_of_another or was_not_running):
        return RolloutStart(recorded=recorded, since_s=now.monotonic_s)
    if known is not None and known is not NOT_RUNNING and known.recorded == recorded:
        return known
    reconciling = find(status.conditions, ConditionType.RECONCILING)
    is_told = reconciling is not None and reconciling.reason in ROLLOUT_REASONS
    started = reconciling.last_transition_time if reconciling and is_told else now.wall
    started = max(started, recorded) if recorded is not None else started
    elapsed_s = max(0.0, (now.wall - started).total_seconds())
    return RolloutStart(recorded=recorded, since_s=now.monotonic_s - elapsed_s)
