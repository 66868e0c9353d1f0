"""The target as it was read: its containers, who set their images, how far its rollout is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pinnedrelease.core.pin import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """Who owns a field, as far as managedFields tell: the manager that set it last, and when."""

    manager: str
    changed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Who changed an image last, as the policy ``stamp`` has recorded it."""

    user: str
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container or init container of the pod template."""

    name: str
    image: str
    init: bool = False
    changed_by: FieldChange | None = None

    @property
    def actor(self) -> str:
        """The field manager that set the image, or ``unknown``."""
        return self.changed_by.manager if self.changed_by else "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """The workload's own report on its pods.

    ``current`` counts all pods, ``updated`` those made from the newest template, ``ready`` the
    ready ones of all. ``observed`` is False while the workload's controller has not yet seen the
    newest template, when the numbers speak of an older one.
    """

    desired: int
    current: int
    updated: int
    ready: int
    observed: bool = True

    @property
    def finished(self) -> bool:
        """Every wanted pod is made from the newest template and ready, and no other is left."""
        return (
            self.observed
            and self.updated >= self.desired
            and self.ready >= self.desired
            and self.current <= self.updated
        )


class RolloutHold(StrEnum):
    """Why pods are not replaced although the template has changed: somebody wants it so."""

    PAUSED = "paused"
    ON_DELETE = "OnDelete"
    PARTITION = "partition"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """The mark that a write of ours leaves: which PinnedRelease, at which generation."""

    release_uid: str
    generation: int

    def __str__(self) -> str:
        return f"{self.release_uid}/{self.generation}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PullSource:
    """Where the kubelet takes pull secrets from: the pod template's list, else its account's."""

    secrets: tuple[str, ...] = ()
    service_account: str = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTemplate:
    """An earlier pod template, as a ReplicaSet or ControllerRevision keeps it."""

    number: int
    """The workload controller's own count."""
    created_at: datetime
    images: tuple[tuple[str, str], ...]
    """Container name and image."""
    change_cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A Deployment, StatefulSet, DaemonSet or CronJob as it was read.

    ``owned_containers`` are those whose image our field manager owns: an apply must name each of
    them, because server-side apply takes away what an owner leaves out.
    """

    target: Target
    uid: str
    resource_version: str
    containers: tuple[Container, ...]
    rollout: Rollout
    deleting: bool = False
    hold: RolloutHold | None = None
    failure: str = ""
    """Why no pods are made, in the words of the workload's controller, for example a quota."""
    active_jobs: frozenset[str] = frozenset()
    """Names of a CronJob's running Jobs."""
    pull: PullSource = PullSource()
    owned_containers: frozenset[str] = frozenset()
    marks: tuple[tuple[str, str], ...] = ()
    """Our annotations on the workload's own metadata, sorted by name."""
    stamp: Stamp | None = None
    fences: tuple[tuple[str, Fence], ...] = ()
    """The fences among the marks, by the name of their PinnedRelease."""

    def fence_of(self, release_name: str) -> Fence | None:
        """The fence that the PinnedRelease of this name has left, or None."""
        return dict(self.fences).get(release_name)

    def named(self, names: frozenset[str]) -> tuple[Container, ...]:
        """The containers with these names, in the order of the template."""
        return tuple(container for container in self.containers if container.name in names)
