"""The one immutable snapshot that a plan may look at."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pinnedrelease.core.fights import Fight
from pinnedrelease.core.pin import DesiredPin
from pinnedrelease.core.pods import Pod
from pinnedrelease.core.registry import RegistryFacts
from pinnedrelease.core.status import Status
from pinnedrelease.core.workload import PastTemplate, Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """One moment on both clocks. Wall time is for people, monotonic time for waiting."""

    wall: datetime
    """UTC, whole seconds: the resolution of the API's times."""
    monotonic_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidSpec:
    """A stored spec that breaks a rule, for example one that is newer than the object."""

    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A PinnedRelease as it was read."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    created_at: datetime
    spec: DesiredPin | InvalidSpec
    status: Status
    deleting: bool = False
    changed_by: str | None = None
    """The field manager that set the declared digest last."""
    overridden_by: str | None = None
    """The field manager that set the override."""
    vouched_digest: str | None = None
    """The value of the annotation by which a person says that nodes have this digest."""
    requested_at: str | None = None
    """The value of the reconcile annotation."""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    def is_older_than(self, other: Release) -> bool:
        """Who wins when two pins claim one container (design 3.11)."""
        return (self.created_at, self.uid) < (other.created_at, other.uid)


class RefusalKind(StrEnum):
    """Why a write of ours does not get what it wants into the workload."""

    FORBIDDEN = "Forbidden"
    INVALID = "Invalid"
    REWRITTEN = "Rewritten"
    """It was taken, and something else was stored: an admission webhook of somebody's."""
    FAILED = "Failed"
    """It fails again and again, for example because a webhook does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A workload write that did not get through, once or in a row."""

    kind: RefusalKind
    message: str
    generation: int
    since_s: float
    """When the first of the row came, on the monotonic clock."""
    attempts: int = 0
    """How often in the row it has been told."""
    retry_at_s: float | None = None
    """Not to be tried again before. None: it has not been told, and nothing waits."""
    requested_at: str | None = None
    """The wish to reconcile that stood then: a newer one does not wait."""

    def is_of(self, release: Release) -> bool:
        """Whether nobody has changed the spec since, or asked anew by the annotation."""
        is_new_wish = release.requested_at not in (None, self.requested_at)
        return self.generation == release.generation and not is_new_wish


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutStart:
    """From when on the time of a rollout counts, on the monotonic clock."""

    recorded: datetime | None
    """What began it, as the status has it: the pair's record, or a correction."""
    since_s: float


NOT_RUNNING = RolloutStart(recorded=None, since_s=math.inf)
"""Seen: no pods are to follow, or somebody holds them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What one process keeps between passes over one object, and may lose at any time."""

    missing_since_s: float | None = None
    status_written_at_s: float | None = None
    fight: Fight = field(default_factory=Fight)
    refusal: Refusal | None = None
    pods_unsettled_since_s: float | None = None
    """Since when the workload says that it is done and its pods do not look like it."""
    rollout: RolloutStart | None = None
    """When the rollout at hand began, so that a wall clock that is set makes it no longer. None:
    nothing has been seen yet."""
    tag_news_at_s: float | None = None
    """When an event last told that the tag moved, or moved back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Waiting times that a team may set, in seconds."""

    target_grace_s: float = 60.0
    """How long a target may be missing before that is a failure: sync waves create it later."""
    progress_interval_s: float = 2.0
    """The shortest time between two status writes that only report a rollout's progress."""
    pods_settle_s: float = 3.0
    """How long pods may lag behind their workload's own report before that is a finding."""
    registry_wait_s: float = 5.0
    """How long the first rollout of a digest waits for the registry's first answer."""
    admission_stamp: bool = False
    """A policy records who changed an image: its stamps are believed."""
    admission_hold: bool = False
    """A policy holds images to the pins on workloads: those that nobody enforces are taken off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """All that is known at the start of a pass. After this, nothing is looked up."""

    release: Release
    workload: Workload | None
    rivals: tuple[Release, ...] = ()
    """Other PinnedReleases with the same target."""
    registry: RegistryFacts = field(default_factory=RegistryFacts)
    pods: tuple[Pod, ...] | None = None
    """The target's pods; None when pods are not watched."""
    watching_since: datetime | None = None
    """When this process began to watch; None for a single look from outside."""
    watched_until: datetime | None = None
    """Until when an earlier process is known to have watched."""
    past: tuple[PastTemplate, ...] = ()
    """The workload's own history; read only when the status has lost its own."""
    memory: Memory = field(default_factory=Memory)
    limits: Limits = field(default_factory=Limits)
