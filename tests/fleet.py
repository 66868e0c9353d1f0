"""Many PinnedReleases with everything that a status can say of itself."""

from __future__ import annotations

from dataclasses import replace

from pinnedrelease.core.conditions import Condition, ConditionStatus, ConditionType, Reason
from pinnedrelease.core.observed import Release
from pinnedrelease.core.status import Status
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
