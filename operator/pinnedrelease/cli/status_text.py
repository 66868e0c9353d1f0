"""A PinnedRelease in words and as data. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pinnedrelease.cli.tables import age_text, table, time_text
from pinnedrelease.core.conditions import (
    Condition,
    ConditionStatus,
    ConditionType,
    Reason,
    find,
)
from pinnedrelease.core.messages import pair
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import DesiredPin

REVISIONS_SHOWN = 5
_QUIET = frozenset(
    {Reason.NO_DRIFT_DETECTED, Reason.TAG_MATCHES, Reason.DIGEST_FOUND, Reason.NO_OVERRIDE}
)
"""Reasons that say nothing beyond "all is well"."""


def is_good(release: Release) -> bool:
    """Whether it is ready, by a status that speaks of the newest spec."""
    ready = find(release.status.conditions, ConditionType.READY)
    is_current = release.status.observed_generation == release.generation
    return ready is not None and ready.status is ConditionStatus.TRUE and is_current


def table_text(
    releases: Iterable[Release],
    now: datetime,
    *,
    is_wide: bool = False,
    with_namespace: bool = False,
    with_header: bool = True,
) -> str:
    """One line for each."""
    header = ["NAME", "READY", "STATUS", "TAG", "DIGEST", "PODS", "AGE"]
    header = ["NAMESPACE", *header] if with_namespace else header
    header += ["TARGET", "BY", "MESSAGE"] if is_wide else []
    rows = [
        _row(one, now, is_wide=is_wide, with_namespace=with_namespace)
        for one in sorted(releases, key=lambda one: (one.namespace, one.name))
    ]
    return table(header, rows, with_header=with_header)


def full_text(release: Release, now: datetime) -> str:
    """Everything that a person asks first, in this order."""
    lines = [*_ready_lines(release), *_pair_lines(release), *_condition_lines(release)]
    lines += _drift_lines(release, now)
    for revision in release.status.history.revisions[:REVISIONS_SHOWN]:
        by = f" by {revision.cause.actor}" if revision.cause.actor else ""
        lines.append(
            f"revision   {revision.number}: {pair(revision.pin)} {revision.action}{by}, "
            f"{revision.result}, {time_text(revision.deploy_time)}"
        )
    return "\n".join(lines) + "\n"


def as_data(release: Release) -> dict[str, object]:
    """The same as data. Keys are stable."""
    spec, status = release.spec, release.status
    ready = find(status.conditions, ConditionType.READY)
    declared = spec.pin if isinstance(spec, DesiredPin) else None
    effective = status.effective.pin if status.effective is not None else None
    return {
        "namespace": release.namespace,
        "name": release.name,
        "ready": str(ready.status) if ready else "Unknown",
        "reason": ready.reason if ready else None,
        "message": ready.message if ready else None,
        "isCurrent": status.observed_generation == release.generation,
        "declared": declared.reference if declared else None,
        "inForce": effective.reference if effective else None,
        "source": str(status.effective.source) if status.effective else None,
        "target": status.target,
        "pods": (
            {
                "desired": status.pods.desired,
                "matching": status.pods.matching,
                "mismatched": status.pods.mismatched,
                "unknown": status.pods.unknown,
            }
            if status.pods
            else None
        ),
        "conditions": {
            one.type: {"status": str(one.status), "reason": one.reason, "message": one.message}
            for one in status.conditions
        },
    }


def _row(
    release: Release, now: datetime, *, is_wide: bool, with_namespace: bool
) -> tuple[str, ...]:
    spec, status = release.spec, release.status
    ready = find(status.conditions, ConditionType.READY)
    pin = status.effective.pin if status.effective is not None else None
    pin = pin or (spec.pin if isinstance(spec, DesiredPin) else None)
    is_current = status.observed_generation == release.generation
    head = status.history.head
    cells: tuple[str, ...] = (
        release.name,
        str(ready.status) if ready and is_current else "Unknown",
        (ready.reason if ready and is_current else "NotLookedAtYet"),
        pin.tag if pin else "",
        pin.digest.short if pin else "",
        status.pod_summary or "",
        age_text(release.created_at, now),
    )
    if with_namespace:
        cells = (release.namespace, *cells)
    if is_wide:
        actor = head.cause.actor if head is not None and head.cause.actor else ""
        cells = (*cells, status.target or "", actor, ready.message if ready else "")
    return cells


def _ready_lines(release: Release) -> list[str]:
    ready = find(release.status.conditions, ConditionType.READY)
    lines = [f"{release}: {_ready_text(ready)}"]
    if ready is not None:
        lines.append(f"  {ready.message}")
    if release.status.observed_generation != release.generation:
        lines.append("  this status is older than the spec: no operator has looked at it yet")
    return lines


def _pair_lines(release: Release) -> list[str]:
    spec, status = release.spec, release.status
    lines: list[str] = []
    if isinstance(spec, DesiredPin):
        lines.append(f"declared   {spec.pin.reference}")
    if status.effective is not None:
        since = f" since {time_text(status.deploy_time)}" if status.deploy_time else ""
        lines.append(f"in force   {status.effective.pin.reference}{since}")
    if status.target is not None:
        governed = ", ".join(status.containers) or "nothing yet"
        lines.append(f"target     {status.target} ({governed})")
    if status.pods is not None:
        counts = status.pods
        lines.append(
            f"pods       {counts.matching} of {counts.desired} run it, {counts.mismatched} run "
            f"something else, {counts.unknown} not known"
        )
    return lines + [f"           {one.digest}: {one.pods} pods" for one in status.running[1:]]


def _condition_lines(release: Release) -> list[str]:
    """Conditions that say more than Ready does."""
    spoken = (ConditionType.READY, ConditionType.STALLED, ConditionType.RECONCILING)
    return [
        f"{one.type}={one.status} {one.reason}: {one.message}"
        for one in release.status.conditions
        if one.type not in spoken and one.reason not in _QUIET
    ]


def _drift_lines(release: Release, now: datetime) -> list[str]:
    return [
        f"drift      {one.subject}: {one.observed} instead of {one.expected}, by {one.actor} "
        f"{age_text(one.detect_time, now)} ago"
        + (f", corrected {time_text(one.correct_time)}" if one.correct_time else "")
        for one in release.status.drift
    ]


def _ready_text(ready: Condition | None) -> str:
    if ready is None:
        return "no status yet; does an operator run?"
    word = {
        ConditionStatus.TRUE: "ready",
        ConditionStatus.FALSE: "NOT READY",
        ConditionStatus.UNKNOWN: "on its way",
    }[ready.status]
    return f"{word} ({ready.reason})"
