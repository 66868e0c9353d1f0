"""A PinnedRelease as the page shows it: plain data. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from pinnedrelease.cli.commands import Commands
from pinnedrelease.cli.ran import answer_as_data
from pinnedrelease.cli.status_text import as_data, is_good
from pinnedrelease.cli.tables import time_text
from pinnedrelease.core.conditions import Condition, ConditionStatus, ConditionType, find
from pinnedrelease.core.drift import DriftRecord
from pinnedrelease.core.effective import OverrideState, override_state
from pinnedrelease.core.history import Revision, RevisionResult
from pinnedrelease.core.observed import InvalidSpec, Release
from pinnedrelease.core.pin import DesiredPin, Pin, PinSource
from pinnedrelease.core.timeline import during, timeline_of

Data = dict[str, object]

_LATER_THAN_ALL = datetime.max.replace(tzinfo=UTC)
"""An end for the last answer, which is open: no clock is needed, and none can be wrong."""


def summary(release: Release) -> Data:
    """What a line of the table shows."""
    status = release.status
    ready = find(status.conditions, ConditionType.READY)
    is_current = status.observed_generation == release.generation
    head, pin = status.history.head, _pin(release)
    return {
        "namespace": release.namespace,
        "name": release.name,
        "state": _state(release),
        "reason": ready.reason if ready is not None and is_current else "NotLookedAtYet",
        "message": _message(ready, is_current=is_current),
        "pin": _pin_data(pin) if pin is not None else None,
        "pods": status.pod_summary,
        "target": _target(release),
        "since": time_text(status.deploy_time) or None,
        "actor": head.cause.actor if head is not None else None,
        "signals": _signals(release),
    }


def detail(release: Release, commands: Commands) -> Data:
    """Everything about one."""
    spec, status = release.spec, release.status
    told = as_data(release)
    return {
        **summary(release),
        "source": told["source"],
        "counts": told["pods"],
        "containers": list(status.containers),
        "declared": _pin_data(spec.pin) if isinstance(spec, DesiredPin) else None,
        "declaredBy": release.changed_by,
        "problems": list(spec.problems) if isinstance(spec, InvalidSpec) else [],
        "override": _override(release),
        "conditions": [_condition(one) for one in status.conditions],
        "revisions": [
            {**_revision(one), "rollback": commands.rollback(release, one)}
            for one in status.history.revisions
        ],
        "drift": [_drift(one) for one in status.drift],
        "gaps": [
            {"since": time_text(one.start), "until": time_text(one.end), "actor": one.actor}
            for one in status.gaps
        ],
        "commands": {"kubectl": commands.kubectl(release), "history": commands.history(release)},
    }


def record(release: Release) -> Data:
    """What ran when, as ``pinrel ran`` answers it, from the first moment on record to now."""
    timeline = timeline_of(release.status, f"the status of PinnedRelease {release}")
    start = timeline.reaches_back_to
    answers = [
        answer_as_data(one)
        for one in (during(timeline, start, _LATER_THAN_ALL) if start is not None else ())
    ]
    if answers:
        answers[-1]["until"] = None
    return {
        "namespace": release.namespace,
        "name": release.name,
        "source": timeline.source,
        "answers": answers,
    }


def _state(release: Release) -> str:
    """One of four words that the page has pictures for."""
    ready = find(release.status.conditions, ConditionType.READY)
    if ready is None or release.status.observed_generation != release.generation:
        return "unseen"
    if is_good(release):
        return "ready"
    return "moving" if ready.status is ConditionStatus.UNKNOWN else "failing"


def _message(ready: Condition | None, *, is_current: bool) -> str:
    if ready is None:
        return "no status yet; does an operator run?"
    if not is_current:
        return "this status is older than the spec: no operator has looked at it yet"
    return ready.message


def _pin(release: Release) -> Pin | None:
    """What is in force, else what is declared."""
    if release.status.effective is not None:
        return release.status.effective.pin
    return release.spec.pin if isinstance(release.spec, DesiredPin) else None


def _target(release: Release) -> str | None:
    if release.status.target is not None:
        return release.status.target
    return str(release.spec.target) if isinstance(release.spec, DesiredPin) else None


def _signals(release: Release) -> list[str]:
    """What else deserves a look, in words."""
    spec, status = release.spec, release.status
    source = status.effective.source if status.effective is not None else PinSource.SPEC
    told = {
        "Override": source is PinSource.OVERRIDE,
        "Rolled back": source is PinSource.LAST_SUCCEEDED,
        "Drifted": _is(release, ConditionType.DRIFTED, ConditionStatus.TRUE),
        "Tag moved": _is(release, ConditionType.TAG_MOVED, ConditionStatus.TRUE),
        "Digest missing": _is(release, ConditionType.DIGEST_AVAILABLE, ConditionStatus.FALSE),
        "Suspended": isinstance(spec, DesiredPin) and spec.suspend,
    }
    return [word for word, is_so in told.items() if is_so]


def _is(release: Release, kind: ConditionType, status: ConditionStatus) -> bool:
    condition = find(release.status.conditions, kind)
    return condition is not None and condition.status is status


def _pin_data(pin: Pin) -> Data:
    return {
        "repository": pin.spelling,
        "tag": pin.tag,
        "digest": str(pin.digest),
        "short": pin.digest.short,
        "image": pin.image,
    }


def _revision(one: Revision) -> Data:
    return {
        "number": one.number,
        "pin": _pin_data(one.pin),
        "action": str(one.action),
        "result": str(one.result),
        "isConfirmed": one.result is not RevisionResult.PLANNED,
        "since": time_text(one.deploy_time),
        "ready": time_text(one.ready_time) or None,
        "until": time_text(one.supersede_time) or None,
        "actor": one.cause.actor,
        "cause": one.cause.change_cause,
        "digestMissing": time_text(one.digest_missing_time) or None,
        "editedBy": one.edited_by,
    }


def _drift(one: DriftRecord) -> Data:
    return {
        "kind": str(one.kind),
        "subject": one.subject,
        "expected": one.expected,
        "observed": one.observed,
        "actor": one.actor,
        "since": time_text(one.detect_time),
        "until": time_text(one.correct_time) or None,
    }


def _condition(one: Condition) -> Data:
    return {
        "type": one.type,
        "status": str(one.status),
        "reason": one.reason,
        "message": one.message,
        "since": time_text(one.last_transition_time),
    }


def _override(release: Release) -> Data | None:
    spec = release.spec
    if not isinstance(spec, DesiredPin) or spec.override is None:
        return None
    return {
        "digest": str(spec.override.digest),
        "reason": spec.override.reason,
        "expires": time_text(spec.override.expire_time) or None,
        "isActive": override_state(spec, release.status) is OverrideState.ACTIVE,
        "by": release.overridden_by,
    }
