"""Going back: overrides in force, failed rollouts, and what the condition RolledBack says."""

from __future__ import annotations

from pinnedrelease.core import marks, messages, rollback_messages
from pinnedrelease.core.case import Case
from pinnedrelease.core.conditions import ConditionStatus, Reason
from pinnedrelease.core.effective import (
    OverrideState,
    effective_pin,
    fallback_revision,
    override_state,
)
from pinnedrelease.core.history import Cause, Revision, RevisionResult
from pinnedrelease.core.observed import Instant, Release
from pinnedrelease.core.pin import DesiredPin, EffectivePin, OnFailure, Override, PinSource
from pinnedrelease.core.registry_report import Verdict
from pinnedrelease.core.situation import Situation


def rolled_back(case: Case) -> Verdict:
    """The condition: whether something else than the declared pair is in force, and why."""
    release, now = case.observed.release, case.now
    desired = release.spec
    if not isinstance(desired, DesiredPin):
        return _verdict(ConditionStatus.UNKNOWN, Reason.NOT_CHECKED, messages.drift_not_checked())
    effective = effective_pin(desired, release.status, release.generation)
    if effective.source is PinSource.LAST_SUCCEEDED:
        situation = case.situation
        is_done = case.writing or (situation is not None and not situation.differing)
        text = rollback_messages.rollout_failed(
            effective.pin, desired.pin, desired.timeout, is_done=is_done
        )
        return _verdict(ConditionStatus.TRUE, Reason.ROLLOUT_FAILED, text)
    override = desired.override
    if override is None:
        text = rollback_messages.no_override()
        return _verdict(ConditionStatus.FALSE, Reason.NO_OVERRIDE, text)
    if override_state(desired, release.status) is OverrideState.ENDED:
        text = rollback_messages.override_ended(desired.pin, override)
        return _verdict(ConditionStatus.FALSE, Reason.OVERRIDE_SUPERSEDED, text)
    if is_expired(override, now):
        text = rollback_messages.override_expired(effective.pin, desired.pin, override)
        return _verdict(ConditionStatus.TRUE, Reason.OVERRIDE_EXPIRED, text)
    text = rollback_messages.override_active(effective.pin, desired.pin, override)
    return _verdict(ConditionStatus.TRUE, Reason.OVERRIDE_ACTIVE, text)


def is_expired(override: Override, now: Instant) -> bool:
    """Whether an override has lasted longer than it was meant to."""
    return override.expire_time is not None and override.expire_time <= now.wall


def expires_in_s(case: Case) -> float | None:
    """Seconds until the override in force expires; None when none will."""
    situation = case.situation
    if situation is None or situation.effective.source is not PinSource.OVERRIDE:
        return None
    override = situation.desired.override
    if override is None or override.expire_time is None or is_expired(override, case.now):
        return None
    return (override.expire_time - case.now.wall).total_seconds()


def ended_override(release: Release) -> Override | None:
    """The override to remember as ended: it stays so until somebody edits it."""
    desired = release.spec
    if not isinstance(desired, DesiredPin):
        return release.status.ended_override
    is_over = override_state(desired, release.status) is OverrideState.ENDED
    return desired.override if is_over else None


def is_taken_back(case: Case, *, has_failed: bool) -> bool:
    """Whether the rollout at hand has just failed and is to be followed by a rollback.

    Not when its content was ready before, or somebody has put another in its place: then something
    else than the pair has broken the pods. Nor while somebody holds the rollout on purpose.
    """
    situation = case.situation
    if situation is None or not has_failed:
        return False
    if situation.differing or situation.workload.hold is not None:
        return False
    history = case.observed.release.status.history
    head = history.head
    return (
        situation.desired.on_failure is OnFailure.ROLL_BACK
        and situation.effective.source is PinSource.SPEC
        and situation.writes_allowed
        and head is not None
        and head.pin == situation.effective.pin
        and head.result in (RevisionResult.IN_PROGRESS, RevisionResult.FAILED)
        and not history.is_known_to_start
        and fallback_of(case.observed.release, situation) is not None
    )


def fallback_of(release: Release, situation: Situation) -> Revision | None:
    """Where a failed rollout of this release would go back to."""
    return fallback_revision(situation.desired, release.status.history, release.generation)


def failed_generation(case: Case, *, has_failed: bool) -> int | None:
    """The generation whose pair is not tried again; any change of the spec ends this."""
    release = case.observed.release
    is_recorded = release.status.failed_generation == release.generation
    return release.generation if is_recorded or is_taken_back(case, has_failed=has_failed) else None


def cause_of(release: Release, effective: EffectivePin, desired: DesiredPin) -> Cause:
    """Who put a pair in force, and why. A text that was given before is not given again.

    ``spec.changeCause`` often stays as it was when only the digest is edited; to repeat it would
    give one revision the cause of another.
    """
    generation, history = release.generation, release.status.history
    if effective.source is PinSource.OVERRIDE and desired.override is not None:
        return Cause(
            generation=generation,
            actor=release.overridden_by,
            change_cause=desired.override.reason,
        )
    if effective.source is PinSource.LAST_SUCCEEDED:
        text = rollback_messages.failed_cause(desired.pin)
        return Cause(generation=generation, actor=marks.FIELD_MANAGER, change_cause=text)
    told = desired.change_cause
    is_left_over = told is not None and told == history.last_told_cause()
    return Cause(
        generation=generation,
        actor=release.changed_by,
        change_cause=None if is_left_over else told,
    )


def _verdict(status: ConditionStatus, reason: Reason, message: str) -> Verdict:
    return Verdict(status=status, reason=reason, message=message)
