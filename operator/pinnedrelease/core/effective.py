"""The effective pin: which pair of a PinnedRelease is in force. Nothing else decides what runs."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto

from pinnedrelease.core.history import History, Revision, RevisionAction
from pinnedrelease.core.pin import (
    DesiredPin,
    EffectivePin,
    OnFailure,
    Override,
    Pin,
    PinSource,
)
from pinnedrelease.core.status import Status

UNKNOWN_TAG = "unknown"
"""Shown for a digest whose tag nobody has told us."""


class OverrideState(Enum):
    """What has become of ``spec.override``."""

    NONE = auto()
    ACTIVE = auto()
    ENDED = auto()
    """The spec has moved on since. It is never obeyed again, until somebody edits it."""


def override_state(desired: DesiredPin, status: Status) -> OverrideState:
    """Whether the override is obeyed. One that has ended once does not wake up (design 3.9)."""
    override = desired.override
    if override is None:
        return OverrideState.NONE
    if override == status.ended_override or override.instead_of != desired.pin.digest:
        return OverrideState.ENDED
    return OverrideState.ACTIVE


def effective_pin(desired: DesiredPin, status: Status, generation: int) -> EffectivePin:
    """The pair in force (design 3.1)."""
    override = desired.override
    if override is not None and override_state(desired, status) is OverrideState.ACTIVE:
        pin = override_pin(desired.pin, override, status.history)
        return EffectivePin(pin=pin, source=PinSource.OVERRIDE)
    if desired.on_failure is OnFailure.ROLL_BACK and status.failed_generation == generation:
        fallback = fallback_revision(desired, status.history, generation)
        if fallback is not None:
            return EffectivePin(pin=fallback.pin, source=PinSource.LAST_SUCCEEDED)
    return EffectivePin(pin=desired.pin, source=PinSource.SPEC)


def override_pin(declared: Pin, override: Override, history: History) -> Pin:
    """The pair of an override; its tag is the declared one, else the one that was recorded."""
    recorded = (
        one.pin.tag
        for one in history.revisions
        if one.pin.content == (declared.repository, override.digest)
    )
    tag = override.tag or next(recorded, UNKNOWN_TAG)
    return replace(declared, digest=override.digest, tag=tag)


def fallback_revision(desired: DesiredPin, history: History, generation: int) -> Revision | None:
    """Where a failed rollout goes back to: the newest revision that is known to be good.

    Whether a registry still has it is no matter here: a registry chooses nothing (promise P-2).
    Chosen once for a generation: a target that fails as well is not followed by an older one,
    because then the cause is elsewhere.
    """
    head = history.head
    if (
        head is not None
        and head.action is RevisionAction.AUTO_ROLLBACK
        and head.cause.generation == generation
        and head.edited_by is None
    ):
        return head
    return next(
        (
            one
            for one in history.revisions
            if is_known_good(one, desired) and one.pin.content != desired.pin.content
        ),
        None,
    )


def is_known_good(revision: Revision, desired: DesiredPin) -> bool:
    """Whether it succeeded, nobody else has written it, and nobody has refused its digest."""
    return revision.is_believed_good and desired.rejection_of(revision.pin.digest) is None
