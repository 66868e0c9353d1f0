"""Writes that are counted once the API server has stored them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pinnedrelease.cluster.writer import Writer
from pinnedrelease.controller.metrics import Metrics
from pinnedrelease.core.actions import ApplyImages, EmitEvent, LetGo
from pinnedrelease.core.observed import Release
from pinnedrelease.core.status import Status
from pinnedrelease.core.workload import Workload
from pinnedrelease.reconcile.gather import Key


class CountedWrites:
    """The writes of a pass. Raises what the writer raises."""

    def __init__(
        self,
        writer: Writer,
        metrics: Metrics,
        wrote: Callable[[Key, str], None],
        stored: Callable[[Key, Workload], None],
    ) -> None:
        """``wrote`` hears of each status with its new version, ``stored`` of each workload."""
        self._writer = writer
        self._metrics = metrics
        self._wrote = wrote
        self._stored = stored

    async def write_status(self, release: Release, status: Status) -> str:
        """Store the status; what it tells for the first time is counted as well."""
        version = await self._writer.write_status(release, status)
        # A patch that changes nothing is no new version, and no watch tells of it.
        if version != release.resource_version:
            self._wrote(Key(release.namespace, release.name), version)
        self._metrics.wrote("status")
        self._metrics.status_changed(release.status, status)
        return version

    async def apply_images(self, release: Release, action: ApplyImages) -> Workload:
        """Apply images and marks."""
        workload = await self._writer.apply_images(release, action)
        self._stored(Key(release.namespace, release.name), workload)
        self._metrics.wrote("workload")
        return workload

    async def let_go(self, namespace: str, action: LetGo) -> None:
        """Take marks off a workload."""
        await self._writer.let_go(namespace, action)
        self._metrics.wrote("workload")

    async def emit_event(self, release: Release, action: EmitEvent, at: datetime) -> None:
        """Create the events of an action."""
        await self._writer.emit_event(release, action, at)
        self._metrics.wrote("event")
