"""Obeys a plan in order. The first refusal ends the pass; the rest is not tried."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from typing import Protocol, assert_never

from pinnedrelease.cluster.errors import ClusterError, Forbidden, Invalid
from pinnedrelease.core.actions import ApplyImages, EmitEvent, LetGo, RecordIntent, WriteStatus
from pinnedrelease.core.errors import PinnedReleaseError
from pinnedrelease.core.observed import Instant, RefusalKind, Release
from pinnedrelease.core.plan import Plan
from pinnedrelease.core.status import Status
from pinnedrelease.core.workload import Workload

log = logging.getLogger(__name__)


class Writes(Protocol):
    """The writes that a pass may do."""

    async def write_status(self, release: Release, status: Status) -> str:
        """Store the status if the object is still as it was read; returns its new version."""

    async def apply_images(self, release: Release, action: ApplyImages) -> Workload:
        """Write the workload; returns it as it is stored now."""

    async def let_go(self, namespace: str, action: LetGo) -> None:
        """Take marks off the workload."""

    async def emit_event(self, release: Release, action: EmitEvent, at: datetime) -> None:
        """Tell people."""


class WorkloadWriteRefused(PinnedReleaseError):
    """The API server does not let us write the workload; trying again at once is pointless."""

    def __init__(self, kind: RefusalKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


async def execute(plan: Plan, release: Release, writes: Writes, now: Instant) -> Release:
    """Carry out the actions. Returns the PinnedRelease as it stands afterwards.

    Raises ClusterErrors (first of all Conflict: somebody was faster, so read and plan again) and
    WorkloadWriteRefused. An event that cannot be stored is logged and lost: events are news, the
    status is the record.
    """
    for action in plan.actions:
        match action:
            case RecordIntent() | WriteStatus():
                version = await writes.write_status(release, action.status)
                release = replace(release, resource_version=version, status=action.status)
            case ApplyImages():
                await _apply(action, release, writes)
            case LetGo():
                await _let_go(action, release, writes)
            case EmitEvent():
                try:
                    await writes.emit_event(release, action, now.wall)
                except ClusterError as error:
                    log.warning("event lost", extra={"pin": str(release), "error": str(error)})
            case _:
                assert_never(action)
    return release


async def _let_go(action: LetGo, release: Release, writes: Writes) -> None:
    try:
        await writes.let_go(release.namespace, action)
    except Forbidden as error:
        raise WorkloadWriteRefused(RefusalKind.FORBIDDEN, str(error)) from error
    except Invalid as error:
        raise WorkloadWriteRefused(RefusalKind.INVALID, str(error)) from error
    log.info("pins taken off", extra={"pin": str(release), "target": str(action.target)})


async def _apply(action: ApplyImages, release: Release, writes: Writes) -> None:
    try:
        await writes.apply_images(release, action)
    except Forbidden as error:
        raise WorkloadWriteRefused(RefusalKind.FORBIDDEN, str(error)) from error
    except Invalid as error:
        raise WorkloadWriteRefused(RefusalKind.INVALID, str(error)) from error
    log.info(
        "workload written",
        extra={
            "pin": str(release),
            "target": str(action.target),
            "images": [container.pin.image for container in action.pinned],
        },
    )
