"""Condition types and reasons: part of the API once released, so they are data in one place.

Polarity: Ready True is good. Reconciling and Stalled are present only while True (kstatus).
Drifted, TagMoved and RolledBack True mean: look here. DigestAvailable True is good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MESSAGE_LIMIT = 1024
CONDITIONS_LIMIT = 16


class ConditionType(StrEnum):
    """The conditions that this operator owns."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    DRIFTED = "Drifted"
    TAG_MOVED = "TagMoved"
    DIGEST_AVAILABLE = "DigestAvailable"
    ROLLED_BACK = "RolledBack"


class ConditionStatus(StrEnum):
    """The three values of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Reason(StrEnum):
    """One word per situation; the STATUS column of ``kubectl get`` shows Ready's."""

    # Ready True
    PINNED = "Pinned"
    PINNED_TAG_MOVED = "PinnedTagMoved"
    SUSPENDED = "Suspended"
    ROLLED_BACK = "RolledBack"
    # Ready Unknown, with Reconciling True
    PROGRESSING = "Progressing"
    ROLLING_OUT = "RollingOut"
    CORRECTING_DRIFT = "CorrectingDrift"
    WAITING_FOR_TARGET = "WaitingForTarget"
    # Ready False
    SUSPENDED_DRIFTED = "SuspendedDrifted"
    # Ready False, with Stalled True
    INVALID_SPEC = "InvalidSpec"
    TARGET_NOT_FOUND = "TargetNotFound"
    CONTAINER_NOT_FOUND = "ContainerNotFound"
    CONFLICT = "Conflict"
    DIGEST_MISSING = "DigestMissing"
    PODS_MISMATCH = "PodsMismatch"
    DRIFTED = "Drifted"
    DRIFT_LOOP = "DriftLoop"
    ACCESS_DENIED = "AccessDenied"
    WRITE_REFUSED = "WriteRefused"
    ROLLOUT_TIMEOUT = "RolloutTimeout"
    DIGEST_REJECTED = "DigestRejected"
    OVERRIDE_EXPIRED = "OverrideExpired"
    ROLLOUT_FAILED = "RolloutFailed"
    # RolledBack, beside the two before
    OVERRIDE_ACTIVE = "OverrideActive"
    NO_OVERRIDE = "NoOverride"
    OVERRIDE_SUPERSEDED = "OverrideSuperseded"
    # Drifted
    TEMPLATE_CHANGED = "TemplateChanged"
    NO_DRIFT_DETECTED = "NoDriftDetected"
    # TagMoved
    TAG_POINTS_ELSEWHERE = "TagPointsElsewhere"
    TAG_NOT_FOUND = "TagNotFound"
    TAG_MATCHES = "TagMatches"
    # DigestAvailable (and DigestMissing)
    DIGEST_FOUND = "DigestFound"
    ROLLBACK_TARGET_MISSING = "RollbackTargetMissing"
    # Unknown, of Drifted, TagMoved and DigestAvailable
    NOT_CHECKED = "NotChecked"
    NOT_PROVEN = "NotProven"
    CHECK_DISABLED = "CheckDisabled"
    REGISTRY_UNREACHABLE = "RegistryUnreachable"
    REGISTRY_UNAUTHORIZED = "RegistryUnauthorized"
    REGISTRY_BAD_ANSWER = "RegistryBadAnswer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition. ``type`` and ``reason`` are text so that foreign ones survive a round trip."""

    type: str
    status: ConditionStatus
    reason: str
    message: str
    observed_generation: int | None
    last_transition_time: datetime


def find(conditions: tuple[Condition, ...], wanted: ConditionType) -> Condition | None:
    """The condition of this type, or None."""
    return next((condition for condition in conditions if condition.type == wanted), None)


def settle(recorded: tuple[Condition, ...], wanted: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """The list to store: ours as wanted, foreign ones as they are, transition times kept.

    ``lastTransitionTime`` moves only when ``status`` does (API conventions, "Typical status
    properties"). Messages are cut to the limit of the schema, and of foreign ones as many are kept
    as it has room for.
    """
    before = {condition.type: condition for condition in recorded}
    owned = {str(kind) for kind in ConditionType}
    ours = tuple(_with_kept_time(condition, before.get(condition.type)) for condition in wanted)
    foreign = tuple(condition for condition in recorded if condition.type not in owned)
    return (*ours, *foreign)[:CONDITIONS_LIMIT]


def _with_kept_time(condition: Condition, before: Condition | None) -> Condition:
    cut = condition.message
    if len(cut) > MESSAGE_LIMIT:
        cut = cut[: MESSAGE_LIMIT - 1] + "…"
    unchanged = before is not None and before.status is condition.status
    since = before.last_transition_time if before and unchanged else condition.last_transition_time
    return Condition(
        type=condition.type,
        status=condition.status,
        reason=condition.reason,
        message=cut,
        observed_generation=condition.observed_generation,
        last_transition_time=since,
    )
