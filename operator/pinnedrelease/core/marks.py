"""Our annotations on a workload's own metadata, never on its pod template (that would roll out)."""

from __future__ import annotations

import re

from pinnedrelease.core.workload import Fence

FIELD_MANAGER = "pinnedrelease-controller"
"""Owner of the fields that we write, and our name where we act ourselves."""
CHANGE_CAUSE = "kubernetes.io/change-cause"
"""Shown by ``kubectl rollout history``."""
FENCE_PREFIX = "fence.pinnedrelease.dev/"
"""Followed by a PinnedRelease's name: which generation of it wrote last."""
PIN_PREFIX = "pin.pinnedrelease.dev/"
"""Followed by a container's name: the image that it is pinned to, for admission policies."""
CHANGED_BY = "stamp.pinnedrelease.dev/image-changed-by"
"""The authenticated user who changed an image last, as the policy ``stamp`` records it."""
CHANGED_AT = "stamp.pinnedrelease.dev/image-changed-at"
"""When: the time of that request in managedFields."""

_CHANGE_CAUSE = re.compile(r"(?P<name>\S+) \S+ sha256:[a-f0-9]{12} rev (?P<number>[0-9]{1,9})")
"""As :func:`messages.change_cause` writes it."""
GENERATION_DIGITS = 18
"""A generation is an int64; more digits than these were not written by an API server."""


def is_ours(annotation: str) -> bool:
    """Whether an annotation of a workload is one that we write."""
    return annotation == CHANGE_CAUSE or annotation.startswith((FENCE_PREFIX, PIN_PREFIX))


def pin_of(present: tuple[tuple[str, str], ...], container: str) -> str | None:
    """The image that we wrote into a container last; None without its mark."""
    return dict(present).get(f"{PIN_PREFIX}{container}")


def parse_fence(text: str) -> Fence | None:
    """Read a fence. What somebody else wrote there is no fence."""
    uid, slash, generation = text.rpartition("/")
    if not slash or not (generation.isascii() and generation.isdecimal()):
        return None
    if len(generation) > GENERATION_DIGITS:
        return None
    return Fence(release_uid=uid, generation=int(generation))


def fences_in(present: tuple[tuple[str, str], ...]) -> tuple[tuple[str, Fence], ...]:
    """The fences among our annotations, by the name of their PinnedRelease."""
    fences = (
        (name.removeprefix(FENCE_PREFIX), parse_fence(text))
        for name, text in present
        if name.startswith(FENCE_PREFIX)
    )
    return tuple((name, fence) for name, fence in fences if fence is not None)


def last_revision(present: tuple[tuple[str, str], ...], release_name: str) -> int:
    """The number that this PinnedRelease wrote last; 0 when the mark does not tell.

    Anybody may write a change cause, and a second PinnedRelease writes its own.
    """
    found = _CHANGE_CAUSE.fullmatch(dict(present).get(CHANGE_CAUSE, ""))
    return int(found["number"]) if found is not None and found["name"] == release_name else 0


def merged(
    present: tuple[tuple[str, str], ...], fresh: dict[str, str]
) -> tuple[tuple[str, str], ...]:
    """The marks to apply: every one of ours that is there, with the fresh ones put in.

    An apply takes away the marks that it leaves out, among them those of a second PinnedRelease.
    """
    return tuple(sorted({**dict(present), **fresh}.items()))
