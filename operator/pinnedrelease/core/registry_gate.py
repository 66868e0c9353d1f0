"""Whether a pair may be put in force, as far as registries tell (design 3.6 and 3.9, ADR 10).

A change of the pair asks first and waits some seconds at most, also on the way back to a digest
that ran before: nodes may have it no more. Putting drift right never asks.
"""

from __future__ import annotations

from enum import Enum, auto

from pinnedrelease.core.conditions import ConditionType, Reason, find
from pinnedrelease.core.observed import Instant, Observed
from pinnedrelease.core.registry import Presence, RegistryCheck
from pinnedrelease.core.situation import Situation


class Gate(Enum):
    """The answer."""

    OPEN = auto()
    WAITING = auto()
    """The registry has not answered yet; only for a few seconds."""
    CLOSED = auto()
    """The registry says that there is no such digest: pods could not start."""


def gate(observed: Observed, situation: Situation, now: Instant) -> Gate:
    """Whether the pair in force may be written now."""
    if not _is_asked_first(observed, situation):
        return Gate.OPEN
    fact = observed.registry.digest.at(now.monotonic_s)
    if fact.presence is Presence.FOUND:
        return Gate.OPEN
    is_gone = fact.presence is Presence.MISSING or _is_recorded_as_gone(observed, situation)
    if is_gone or _was_closed(observed):
        return Gate.CLOSED
    return Gate.WAITING if wait_left_s(observed, now) > 0 else Gate.OPEN


def wait_left_s(observed: Observed, now: Instant) -> float:
    """Seconds for which the registry's first answer is still awaited."""
    fact = observed.registry.digest
    if fact.asked_since_s is None or fact.trouble is not None:
        return 0.0
    return max(0.0, fact.asked_since_s + observed.limits.registry_wait_s - now.monotonic_s)


def _is_asked_first(observed: Observed, situation: Situation) -> bool:
    return (
        situation.desired.registry.check is not RegistryCheck.NONE
        and bool(situation.differing)
        and situation.is_new_pair
        and situation.writes_allowed
        and observed.release.vouched_digest != str(situation.effective.pin.digest)
    )


def _is_recorded_as_gone(observed: Observed, situation: Situation) -> bool:
    """Whether the history knows that the registry has lost the digest to return to."""
    content = situation.effective.pin.content
    return any(
        one.digest_missing_time is not None
        for one in observed.release.status.history.revisions
        if one.pin.content == content
    )


def _was_closed(observed: Observed) -> bool:
    """Whether this generation was held back already: then only a clear "found" opens.

    Otherwise an outage, or a restart in the middle of one, would let through what is known to be
    missing.
    """
    stalled = find(observed.release.status.conditions, ConditionType.STALLED)
    return (
        stalled is not None
        and stalled.reason == Reason.DIGEST_MISSING
        and stalled.observed_generation == observed.release.generation
    )
