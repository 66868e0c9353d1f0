"""Many PinnedReleases, and metrics in which every family has counted something."""

from __future__ import annotations

from dataclasses import replace

from pinnedrelease.cluster.policies import InstalledPolicy
from pinnedrelease.controller.metrics import Metrics
from pinnedrelease.controller.queue import WorkQueue
from pinnedrelease.core.conditions import Condition, ConditionStatus, ConditionType, Reason
from pinnedrelease.core.drift import DriftKind, DriftRecord
from pinnedrelease.core.observed import Release
from pinnedrelease.core.shards import Shard
from pinnedrelease.core.status import Status
from pinnedrelease.reconcile.gather import Key
from worlds import NOON, desired, release

AT_REST = (
    ConditionType.READY,
    ConditionType.DRIFTED,
    ConditionType.TAG_MOVED,
    ConditionType.DIGEST_AVAILABLE,
    ConditionType.ROLLED_BACK,
)
"""Reconciling and Stalled are there only while they are true."""


def condition(kind: str, reason: str = Reason.PINNED) -> Condition:
    return Condition(
        type=kind,
        status=ConditionStatus.TRUE,
        reason=reason,
        message="",
        observed_generation=1,
        last_transition_time=NOON,
    )


def fleet(count: int) -> list[Release]:
    status = Status(conditions=tuple(condition(kind) for kind in AT_REST))
    return [
        replace(release(), name=f"web-{number}", spec=desired(), status=status)
        for number in range(count)
    ]


def incident(**more: object) -> DriftRecord:
    made = DriftRecord(
        kind=DriftKind.TEMPLATE,
        subject="Deployment/web container/web",
        expected="x",
        observed="y",
        actor="kubectl-edit",
        detect_time=NOON,
    )
    return replace(made, **more)  # type: ignore[arg-type]


async def counted_everything() -> Metrics:
    """Metrics of a process that has met each kind of thing once; call ``look`` to read them."""
    metrics = Metrics()
    queue = WorkQueue(tell=metrics.queued)
    metrics.watch_queue(queue, workers=8)
    metrics.watch_lead(lambda: True, Shard())
    metrics.watch_releases(lambda: fleet(2))
    queue.add(Key("shop", "web-0"))
    queue.done(await queue.take())
    metrics.passed("success", 0.1)
    metrics.wrote("status")
    moved = incident(kind=DriftKind.TAG_MOVED)
    metrics.status_changed(Status(), Status(drift=(incident(correct_time=NOON), moved)))
    metrics.asked_registry("registry.example.com", "200")
    metrics.asked_registry("registry.example.com", "503")
    metrics.asked_api("GET", "10.0.0.1:443", "200")
    metrics.found_policies([InstalledPolicy(kind="x", name="hold", bindings=())])
    return metrics
