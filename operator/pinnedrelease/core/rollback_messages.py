"""Sentences about overrides, rollbacks and refused digests: the fact, then the next step."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pinnedrelease.core.messages import duration, pair
from pinnedrelease.core.pin import Override, Pin, RejectedDigest

if TYPE_CHECKING:
    from pinnedrelease.core.history import Revision

REASON_SHOWN = 200


def rejected(pin: Pin, rejection: RejectedDigest) -> str:
    """The pair in force is refused."""
    return (
        f"{pair(pin)} is in spec.rejectedDigests: {rejection.reason[:REASON_SHOWN]}; nothing is "
        "written. Declare another digest, or take it off that list"
    )


def no_override() -> str:
    """The declared pair is in force."""
    return "the declared pair is in force"


def override_active(pin: Pin, declared: Pin, override: Override) -> str:
    """An override is in force."""
    until = f" (until {override.expire_time:%Y-%m-%dT%H:%MZ})" if override.expire_time else ""
    return (
        f"override: {pair(pin)} instead of {pair(declared)}: "
        f"{override.reason[:REASON_SHOWN]}{until}"
    )


def override_expired(pin: Pin, declared: Pin, override: Override) -> str:
    """An override has lasted longer than it was meant to."""
    return (
        f"{override_active(pin, declared, override)} has expired; what runs stays as it is. "
        "Declare a good digest, extend override.expireTime, or remove spec.override"
    )


def override_ended(declared: Pin, override: Override) -> str:
    """The spec has moved on, so that the override counts no more."""
    return (
        f"the override to sha256:{override.digest.short} counts no more: it was for "
        f"sha256:{override.instead_of.short}, and the spec has moved on since; in force is "
        f"{pair(declared)}. Remove spec.override"
    )


def rollout_failed(pin: Pin, declared: Pin, timeout: timedelta, *, is_done: bool) -> str:
    """A failed rollout was taken back, or is to be as soon as nothing holds that up."""
    done = "is in force again" if is_done else "is to be in force again (see Ready)"
    return (
        f"{pair(declared)} did not become ready within {duration(timeout)}, so {pair(pin)} {done}; "
        "it is not tried again until the spec changes. Declare another digest"
    )


def nowhere_to_go() -> str:
    """The rollout failed and there is nothing to go back to."""
    return "onFailure is RollBack, but no earlier revision is known to have succeeded"


def failed_cause(declared: Pin) -> str:
    """What the history says of a rollback after a failure."""
    return f"the rollout of {pair(declared)} failed"


def target_missing(pin: Pin, alternative: Revision | None) -> str:
    """The digest to return to is gone from the registry."""
    fact = (
        f"the registry has no {pin.digest} ({pin.tag}) in {pin.spelling} any more, so it is not "
        "rolled out; "
        "what runs stays"
    )
    if alternative is None:
        return f"{fact}. Push it again, or declare a digest that is there"
    return (
        f"{fact}. The nearest revision that is there: {alternative.number}, {pair(alternative.pin)}"
    )
