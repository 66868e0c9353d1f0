"""The closed set of things that a plan may ask for. The executor knows these and no policy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pinnedrelease.core.digest import DeclaredDigest
from pinnedrelease.core.pin import Pin, Target
from pinnedrelease.core.status import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordIntent:
    """Store the status with the new history entry, before the workload is touched."""

    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedContainer:
    """A container that gets the pinned image. Only a declared digest can be written."""

    name: str
    init: bool
    pin: Pin


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptContainer:
    """A container that we own and do not change: its present image is named again.

    Server-side apply takes away what an owner leaves out (design 3.4).
    """

    name: str
    init: bool
    image: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyImages:
    """The one workload write: images of the chosen containers, and our marks beside them.

    It is refused unless the workload is still the one that was read.
    """

    target: Target
    uid: str
    resource_version: str
    pinned: tuple[PinnedContainer, ...]
    kept: tuple[KeptContainer, ...]
    marks: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LetGo:
    """Take marks of ours off the workload's metadata; images stay as they are.

    It is refused unless the workload is still the one that was read.
    """

    target: Target
    uid: str
    resource_version: str
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteStatus:
    """Store the status."""

    status: Status


class EventType(StrEnum):
    """The two types of a Kubernetes event."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairInForce:
    """Which pair an event is about, for programs: people read it in the message."""

    pin: Pin
    revision: int | None
    """None while the pair is not recorded: it waits, or must not be rolled out."""
    previous: DeclaredDigest | None
    """The digest that was in force before it; None when there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmitEvent:
    """Tell people, on the PinnedRelease and on its target."""

    type: EventType
    reason: str
    message: str
    target: Target | None
    target_uid: str | None = None
    pair: PairInForce | None = None


Action = RecordIntent | ApplyImages | LetGo | WriteStatus | EmitEvent
