"""Obeys a plan in order. The first refusal stops it; what is left is known then."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Protocol, assert_never

from pinnedrelease.cluster.errors import ClusterError, Forbidden, Invalid, Unavailable
from pinnedrelease.core import messages
from pinnedrelease.core.actions import (
    Action,
    ApplyImages,
    EmitEvent,
    LetGo,
    RecordIntent,
    WriteStatus,
)
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
    """What we write does not get into the workload."""

    def __init__(self, kind: RefusalKind, message: str, failure: Unavailable | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.failure = failure
        """Set when there was no usable answer: whether the write was stored is unknown."""


class Execution:
    """A plan that is being carried out."""

    def __init__(self, plan: Plan, release: Release, writes: Writes, now: Instant) -> None:
        self.release = release
        """As it stands by what has been carried out."""
        self.has_written_workload = False
        self._left = deque(plan.actions)
        self._writes = writes
        self._now = now

    async def run(self) -> Release:
        """Carry out what is left. Returns the PinnedRelease as it stands afterwards.

        Raises ClusterErrors (first of all Conflict: somebody was faster, so read and plan again)
        and WorkloadWriteRefused. An event that cannot be stored is logged and lost: events are
        news, the status is the record.
        """
        while self._left:
            await self._obey(self._left[0])
            self._left.popleft()
        return self.release

    def go_on_from(self, fresh: Release | None) -> bool:
        """Whether what is left may still be carried out, upon this newer state.

        Only when nobody has changed what the plan was made for: the object is the same, with the
        same spec, and its status is the one that the next status was drafted from.
        """
        before = self.release
        if fresh is None or fresh.deleting or fresh.status != before.status:
            return False
        if (fresh.uid, fresh.generation) != (before.uid, before.generation):
            return False
        self.release = fresh
        return True

    async def _obey(self, action: Action) -> None:
        release, writes = self.release, self._writes
        match action:
            case RecordIntent() | WriteStatus():
                version = await writes.write_status(release, action.status)
                self.release = replace(release, resource_version=version, status=action.status)
            case ApplyImages():
                await _apply(action, release, writes)
                self.has_written_workload = True
            case LetGo():
                await _let_go(action, release, writes)
            case EmitEvent():
                try:
                    await writes.emit_event(release, action, self._now.wall)
                except ClusterError as error:
                    log.warning("event lost", extra={"pin": str(release), "error": str(error)})
            case _:
                assert_never(action)


async def _let_go(action: LetGo, release: Release, writes: Writes) -> None:
    with _as_refusals():
        await writes.let_go(release.namespace, action)
    log.info("pins taken off", extra={"pin": str(release), "target": str(action.target)})


async def _apply(action: ApplyImages, release: Release, writes: Writes) -> None:
    try:
        with _as_refusals():
            stored = await writes.apply_images(release, action)
    except Unavailable as error:
        raise WorkloadWriteRefused(RefusalKind.FAILED, str(error), error) from error
    _check_stored(stored, action)
    log.info(
        "workload written",
        extra={
            "pin": str(release),
            "target": str(action.target),
            "images": [container.pin.image for container in action.pinned],
        },
    )


@contextmanager
def _as_refusals() -> Iterator[None]:
    try:
        yield
    except Forbidden as error:
        raise WorkloadWriteRefused(RefusalKind.FORBIDDEN, str(error)) from error
    except Invalid as error:
        raise WorkloadWriteRefused(RefusalKind.INVALID, str(error)) from error


def _check_stored(stored: Workload, action: ApplyImages) -> None:
    """Raises WorkloadWriteRefused when a webhook has put other images in their place."""
    wanted = {container.name: container.pin for container in action.pinned}
    for container in stored.named(frozenset(wanted)):
        pin = wanted[container.name]
        if not pin.is_run_by(container.image):
            raise WorkloadWriteRefused(
                RefusalKind.REWRITTEN, messages.stored_otherwise(container, pin)
            )
