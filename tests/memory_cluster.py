"""One PinnedRelease and its target in memory, with the API server's preconditions."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from pinnedrelease.cluster.errors import Conflict
from pinnedrelease.core.actions import ApplyImages, EmitEvent, LetGo
from pinnedrelease.core.marks import FIELD_MANAGER
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import Target
from pinnedrelease.core.pods import Pod
from pinnedrelease.core.status import Status
from pinnedrelease.core.workload import FieldChange, PastTemplate, Workload
from pinnedrelease.reconcile.gather import Key, Watched
from worlds import applied, let_go


class MemoryCluster:
    """Reads and writes as the reconciler needs them. Writes are counted, and can be refused."""

    def __init__(self, release: Release | None, workload: Workload | None) -> None:
        self.stored = release
        self.target = workload
        self.writes: list[str] = []
        self.reads = 0
        self.arrived: Workload | None = None
        self.brought: Watched[Release] | None = None
        self.watched_version: str | None = None
        self.pods: tuple[Pod, ...] | None = None
        self.refuse_workload: Exception | None = None
        self.refuse_status: Exception | None = None
        self.refuse_events: Exception | None = None
        self.rewrite: tuple[str, str] | None = None
        """What somebody's webhook replaces in images, and by what."""

    async def release(self, namespace: str, name: str) -> Release | None:
        """GET of the PinnedRelease."""
        self.reads += 1
        found = self.stored
        return found if found and (found.namespace, found.name) == (namespace, name) else None

    async def past(
        self,
        target: Target,  # noqa: ARG002 - the interface
        namespace: str,  # noqa: ARG002
    ) -> tuple[PastTemplate, ...]:
        """Nothing is kept here."""
        return ()

    async def workload(self, target: Target, namespace: str) -> Workload | None:
        """GET of the target."""
        self.reads += 1
        assert namespace == "shop"
        return self.target if self.target and self.target.target == target else None

    async def write_status(self, release: Release, status: Status) -> str:
        """PATCH of the status, with its precondition."""
        assert self.stored is not None
        if self.refuse_status is not None:
            raise self.refuse_status
        if self.stored.resource_version != release.resource_version:
            raise Conflict(f"{release}: the object has been modified")
        version = str(int(release.resource_version) + 1)
        self.stored = replace(self.stored, status=status, resource_version=version)
        self.writes.append("status")
        return version

    async def apply_images(self, release: Release, action: ApplyImages) -> Workload:
        """Server-side apply, with its preconditions."""
        assert release.namespace == "shop"
        if self.refuse_workload is not None:
            raise self.refuse_workload
        current = self.target
        if current is None or (current.uid, current.resource_version) != (
            action.uid,
            action.resource_version,
        ):
            raise Conflict("the workload has been modified")
        self.target = applied(current, action)
        if self.rewrite is not None:
            by_us = FieldChange(manager=FIELD_MANAGER, changed_at=None)
            rewritten = (
                replace(one, image=one.image.replace(*self.rewrite), changed_by=by_us)
                for one in self.target.containers
            )
            self.target = replace(self.target, containers=tuple(rewritten))
        self.writes.append("workload")
        return self.target

    async def let_go(self, namespace: str, action: LetGo) -> None:
        """PATCH of the workload's metadata, with its preconditions."""
        assert namespace == "shop"
        if self.refuse_workload is not None:
            raise self.refuse_workload
        current = self.target
        if current is None or current.resource_version != action.resource_version:
            raise Conflict("the workload has been modified")
        self.target = let_go(current, action)
        self.writes.append("let go")

    async def emit_event(self, release: Release, action: EmitEvent, at: datetime) -> None:
        """POST of an event."""
        assert at.tzinfo is not None
        assert release.namespace == "shop"
        if self.refuse_events is not None:
            raise self.refuse_events
        self.writes.append(action.reason)

    def target_of(self, key: Key) -> Target | None:
        """The hint of the watches."""
        assert key.namespace == "shop"
        return self.target.target if self.target else None

    def seen_version(self, key: Key) -> str | None:
        """What the watch of PinnedReleases has delivered."""
        assert key.namespace == "shop"
        return self.watched_version

    def take_release(self, key: Key, known: str | None) -> Watched[Release] | None:
        """What the watch of PinnedReleases has brought, once."""
        assert known is None or known.isdecimal()
        assert key.namespace == "shop"
        brought, self.brought = self.brought, None
        return brought

    def watched_workload(self, namespace: str, target: Target) -> Watched[Workload] | None:
        """What the watch of workloads has told."""
        assert namespace == "shop"
        arrived = self.arrived
        if arrived is None or arrived.target != target:
            return None
        return Watched(arrived, by_event=True)

    def read_workload(self, key: Key, workload: Workload) -> None:
        """A read has brought it."""
        assert key.namespace == "shop"
        if self.arrived is not None:
            self.arrived = workload

    def pods_of(self, namespace: str, workload: Workload) -> tuple[Pod, ...] | None:
        """What the watch of pods has delivered."""
        assert (namespace, workload.target.name) == ("shop", "web")
        return self.pods

    def sharing_target(self, key: Key) -> tuple[Key, ...]:
        """Nobody else."""
        assert key.namespace == "shop"
        return ()
