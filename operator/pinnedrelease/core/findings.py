"""The ordered checks: each gives at most one finding, and the first finding decides Ready.

Every check is a pure function with its reason, its message and its consequence, in the order in
which a person would look: is the spec sound, is the target there, may we write, does it differ,
has it rolled out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from pinnedrelease.core import (
    messages,
    registry_messages,
    rollback,
    rollback_messages,
    rollout_messages,
    targets,
)
from pinnedrelease.core.case import (
    Case,
    grace_left_s,
    has_settled_mismatch,
    has_timed_out,
    is_correcting,
    is_rolled_out,
    replaced_pods,
)
from pinnedrelease.core.conditions import ConditionStatus, Reason
from pinnedrelease.core.observed import InvalidSpec, RefusalKind
from pinnedrelease.core.pin import OnFailure, PinSource
from pinnedrelease.core.registry_gate import Gate, gate
from pinnedrelease.core.registry_report import tag_verdict
from pinnedrelease.core.situation import Situation, is_due, is_fenced_off


class Consequence(Enum):
    """What a finding means for the object."""

    SETTLED = auto()
    """Ready is True."""
    WAITS = auto()
    """Ready is Unknown and Reconciling is True: it goes on by itself."""
    DIFFERS = auto()
    """Ready is False, without Stalled: somebody asked for this state, for example by suspending."""
    STALLS = auto()
    """Ready is False and Stalled is True: waiting will not help, a person must act."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found, in words that a person can act on."""

    consequence: Consequence
    reason: Reason
    """Ready's reason, or Reconciling's when the consequence is to wait."""
    message: str


def invalid_spec(case: Case) -> Finding | None:
    """The stored spec breaks a rule."""
    spec = case.observed.release.spec
    if not isinstance(spec, InvalidSpec):
        return None
    return _stalls(Reason.INVALID_SPEC, messages.invalid_spec(spec.problems))


def target_missing(case: Case) -> Finding | None:
    """The target is not there: wait for a grace period, for it may come with a later sync wave."""
    spec = case.observed.release.spec
    if case.situation is not None or isinstance(spec, InvalidSpec):
        return None
    if grace_left_s(case.observed, case.now) > 0:
        text = messages.waiting_for_target(spec.target, case.observed.release.namespace)
        return _waits(Reason.WAITING_FOR_TARGET, text)
    text = messages.target_not_found(spec.target, case.observed.release.namespace)
    return _stalls(Reason.TARGET_NOT_FOUND, text)


def container_missing(case: Case) -> Finding | None:
    """None of the target's containers is governed, or a named one does not exist."""
    situation = case.situation
    if situation is None or (situation.selection.names and not situation.selection.missing):
        return None
    text = messages.container_not_found(
        situation.workload.target,
        situation.effective.pin,
        situation.selection.missing,
        tuple((container.name, container.image) for container in situation.workload.containers),
    )
    return _stalls(Reason.CONTAINER_NOT_FOUND, text)


def digest_rejected(case: Case) -> Finding | None:
    """A person has refused this digest: the workload is left on what it runs."""
    situation = case.situation
    if situation is None or situation.rejection is None:
        return None
    text = rollback_messages.rejected(situation.effective.pin, situation.rejection)
    return _stalls(Reason.DIGEST_REJECTED, text)


def conflict(case: Case) -> Finding | None:
    """An older PinnedRelease governs one of our containers."""
    situation = case.situation
    if situation is None or situation.winner is None:
        return None
    text = messages.conflict(sorted(situation.contested), situation.winner.name)
    return _stalls(Reason.CONFLICT, text)


def stale_read(case: Case) -> Finding | None:
    """A newer generation of this object has written the workload: read again before acting."""
    situation = case.situation
    if situation is None or not is_fenced_off(case.observed, situation):
        return None
    return _waits(Reason.PROGRESSING, messages.stale_read())


def digest_missing(case: Case) -> Finding | None:
    """The registry has no such digest: rolling it out would only stop pods from starting."""
    situation = case.situation
    if situation is None or gate(case.observed, situation, case.now) is not Gate.CLOSED:
        return None
    release, pin = case.observed.release, situation.effective.pin
    history = release.status.history
    if history.has_deployed(pin):
        other = targets.alternative(history, situation.desired, missing=pin)
        text = rollback_messages.target_missing(pin, other)
    else:
        text = registry_messages.digest_missing(pin, has_deployed=False)
    return _stalls(Reason.DIGEST_MISSING, text)


def awaiting_registry(case: Case) -> Finding | None:
    """A digest that never ran here waits some seconds for the registry's first answer."""
    situation = case.situation
    if situation is None or gate(case.observed, situation, case.now) is not Gate.WAITING:
        return None
    return _waits(Reason.PROGRESSING, registry_messages.awaiting_registry(situation.effective.pin))


def write_refused(case: Case) -> Finding | None:
    """Our write does not get through; it is tried again with growing pauses."""
    refusal = case.observed.memory.refusal
    situation = case.situation
    if situation is None or refusal is None or case.writing or not situation.writes_allowed:
        return None
    if refusal.retry_at_s is None or refusal.generation != case.observed.release.generation:
        return None
    if not is_due(case.observed, situation):
        return None
    forbidden = refusal.kind is RefusalKind.FORBIDDEN
    reason = Reason.ACCESS_DENIED if forbidden else Reason.WRITE_REFUSED
    return _stalls(reason, messages.write_refused(situation.workload.target, refusal))


def drift_loop(case: Case) -> Finding | None:
    """Somebody keeps undoing our corrections."""
    fight = case.observed.memory.fight.at(case.now.monotonic_s)
    situation = case.situation
    if situation is None or fight.opponent is None or not situation.writes_allowed:
        return None
    return _stalls(Reason.DRIFT_LOOP, messages.drift_loop(situation.workload.target, fight))


def differs(case: Case) -> Finding | None:
    """The template differs and we are not allowed to put it right."""
    situation = case.situation
    if situation is None or not situation.differing or situation.writes_allowed:
        return None
    container = situation.differing[0]
    if situation.desired.suspend:
        text = messages.suspended_drifted(container, situation.effective.pin)
        return Finding(
            consequence=Consequence.DIFFERS, reason=Reason.SUSPENDED_DRIFTED, message=text
        )
    return _stalls(Reason.DRIFTED, messages.drifted_report_only(container, situation.effective.pin))


def pods_mismatch(case: Case) -> Finding | None:
    """The rollout is done, and pods are proven to run other content."""
    situation = case.situation
    if situation is None or not has_settled_mismatch(case):
        return None
    assert case.pods is not None, "there are mismatches"  # noqa: S101
    text = rollout_messages.pods_mismatch(situation.effective.pin, case.pods)
    if situation.desired.suspend:
        return Finding(
            consequence=Consequence.DIFFERS, reason=Reason.SUSPENDED_DRIFTED, message=text
        )
    return _stalls(Reason.PODS_MISMATCH, text)


def suspended(case: Case) -> Finding | None:
    """Nothing differs and nothing would be written. The alarm of an override rings all the same."""
    if case.situation is None or not case.situation.desired.suspend:
        return None
    alarm = override_expired(case)
    if alarm is not None:
        return alarm
    return _settled(Reason.SUSPENDED, messages.suspended())


def rolling_out(case: Case) -> Finding | None:
    """Not every pod is ready on the pin yet."""
    situation = case.situation
    if situation is None or is_rolled_out(case):
        return None
    reason = Reason.CORRECTING_DRIFT if is_correcting(case) else Reason.ROLLING_OUT
    finished = situation.workload.rollout.finished
    if not case.writing and not finished and has_timed_out(case):
        text = rollout_messages.rollout_timeout(
            situation.workload, situation.desired, situation.effective, case.observed.pods
        )
        if _has_nowhere_to_go(case, situation):
            text = f"{text}. {rollback_messages.nowhere_to_go()}"
        return _stalls(Reason.ROLLOUT_TIMEOUT, text)
    text = rollout_messages.rolling_out(
        situation.effective.pin, situation.workload, replaced_pods(case)
    )
    return _waits(reason, text)


def override_expired(case: Case) -> Finding | None:
    """An override has lasted longer than it was meant to: an alarm, not a switch."""
    return _rolled_back_for(case, Reason.OVERRIDE_EXPIRED)


def rollout_failed(case: Case) -> Finding | None:
    """The declared pair did not become ready and was taken back."""
    return _rolled_back_for(case, Reason.ROLLOUT_FAILED)


def _rolled_back_for(case: Case, reason: Reason) -> Finding | None:
    verdict = rollback.rolled_back(case)
    if case.situation is None or verdict.reason != reason:
        return None
    return _stalls(reason, verdict.message)


def overridden(case: Case) -> Finding | None:
    """A declared exception is in force."""
    verdict = rollback.rolled_back(case)
    if case.situation is None or verdict.reason != Reason.OVERRIDE_ACTIVE:
        return None
    return _settled(Reason.ROLLED_BACK, verdict.message)


def pinned(case: Case) -> Finding | None:
    """All is as declared."""
    situation = case.situation
    if situation is None:
        return None
    pin = situation.effective.pin
    if tag_verdict(case.observed, situation, case.now).status is ConditionStatus.TRUE:
        return _settled(Reason.PINNED_TAG_MOVED, registry_messages.pinned_tag_moved(pin))
    text = rollout_messages.pinned(pin, situation.workload, case.pods)
    return _settled(Reason.PINNED, text)


CHECKS: tuple[Callable[[Case], Finding | None], ...] = (
    invalid_spec,
    target_missing,
    container_missing,
    digest_rejected,
    conflict,
    stale_read,
    digest_missing,
    awaiting_registry,
    write_refused,
    drift_loop,
    differs,
    pods_mismatch,
    suspended,
    rolling_out,
    override_expired,
    rollout_failed,
    overridden,
    pinned,
)


def examine(case: Case) -> tuple[Finding, ...]:
    """All findings, the decisive one first. There is always at least one."""
    found = tuple(finding for check in CHECKS if (finding := check(case)) is not None)
    assert found, "pinned() and target_missing() together cover every case"  # noqa: S101
    return found


def has_rollout_failed(findings: tuple[Finding, ...]) -> bool:
    """Whether the pods were not ready in time, however much else there is to say."""
    return any(one.reason is Reason.ROLLOUT_TIMEOUT for one in findings)


def _has_nowhere_to_go(case: Case, situation: Situation) -> bool:
    return (
        situation.desired.on_failure is OnFailure.ROLL_BACK
        and situation.effective.source is PinSource.SPEC
        and rollback.fallback_of(case.observed.release, situation) is None
    )


def _settled(reason: Reason, message: str) -> Finding:
    return Finding(consequence=Consequence.SETTLED, reason=reason, message=message)


def _waits(reason: Reason, message: str) -> Finding:
    return Finding(consequence=Consequence.WAITS, reason=reason, message=message)


def _stalls(reason: Reason, message: str) -> Finding:
    return Finding(consequence=Consequence.STALLS, reason=reason, message=message)
