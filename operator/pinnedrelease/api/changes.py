"""Merge patches of a PinnedRelease, as the CLI sends them. Pure."""

from __future__ import annotations

from pinnedrelease.api import names
from pinnedrelease.api.override import override_to_wire
from pinnedrelease.core.pin import Override, Pin, RejectedDigest

Patch = dict[str, object]


def declare_pair(pin: Pin, change_cause: str | None) -> Patch:
    """Declare another pair, and no cause that belongs to the one before."""
    return {
        "spec": {"tag": pin.tag, "digest": str(pin.digest), "changeCause": change_cause},
    }


def set_override(override: Override) -> Patch:
    """Set an override in place of any other."""
    wire = override_to_wire(override).model_dump(mode="json", by_alias=True)
    return {"spec": {"override": wire}}


def clear_override() -> Patch:
    """Remove the override."""
    return {"spec": {"override": None}}


def suspend(*, is_suspended: bool) -> Patch:
    """Stop writing, or go on."""
    return {"spec": {"suspend": is_suspended}}


def request(wish: str) -> Patch:
    """Ask for a pass; the status answers with the same text."""
    return {"metadata": {"annotations": {names.REQUESTED_AT: wish}}}


def reject(rejected: tuple[RejectedDigest, ...]) -> Patch:
    """Store the list of refused digests."""
    return {
        "spec": {
            "rejectedDigests": [
                {"digest": str(one.digest), "reason": one.reason} for one in rejected
            ]
        }
    }


def vouched(patch: Patch, pin: Pin) -> Patch:
    """The same patch, by somebody who knows that nodes have this digest."""
    return {**patch, "metadata": {"annotations": {names.VOUCHED_DIGEST: str(pin.digest)}}}
