"""Pins that stand beside images on a workload, and when they have to be taken off again.

A policy holds images to them without asking anybody (ADR 12), so a pin that nobody enforces any
more must not stay: not while its PinnedRelease is suspended, only reports, or is gone.
"""

from __future__ import annotations

from pinnedrelease.core.actions import LetGo
from pinnedrelease.core.effective import effective_pin
from pinnedrelease.core.marks import PIN_PREFIX
from pinnedrelease.core.observed import Instant, Observed, Release
from pinnedrelease.core.pin import DesiredPin, DriftPolicy
from pinnedrelease.core.selection import select_containers
from pinnedrelease.core.situation import Situation, is_fenced_off, refused_for_s
from pinnedrelease.core.workload import Workload


def letting_go(observed: Observed, situation: Situation, now: Instant) -> LetGo | None:
    """What to take off the workload, or None. Only where a policy holds images to pins."""
    if not observed.limits.admission_hold or is_fenced_off(observed, situation):
        return None
    if refused_for_s(observed, now) > 0:
        return None
    workload = situation.workload
    enforced = frozenset[str]()
    if situation.writes_allowed:
        enforced |= frozenset(container.name for container in situation.governed)
    for rival in observed.rivals:
        enforced |= _enforced_by(rival, workload)
    return _without(workload, enforced)


def letting_go_of_all(workload: Workload) -> LetGo | None:
    """What to take off a workload that no PinnedRelease targets."""
    return _without(workload, frozenset())


def pinned_containers(workload: Workload) -> frozenset[str]:
    """The containers that have a pin beside them."""
    return frozenset(
        name.removeprefix(PIN_PREFIX) for name, _ in workload.marks if name.startswith(PIN_PREFIX)
    )


def _without(workload: Workload, enforced: frozenset[str]) -> LetGo | None:
    stale = sorted(pinned_containers(workload) - enforced)
    if not stale:
        return None
    return LetGo(
        target=workload.target,
        uid=workload.uid,
        resource_version=workload.resource_version,
        marks=tuple(f"{PIN_PREFIX}{name}" for name in stale),
    )


def _enforced_by(rival: Release, workload: Workload) -> frozenset[str]:
    spec = rival.spec
    if not isinstance(spec, DesiredPin) or rival.deleting or spec.suspend:
        return frozenset()
    if spec.drift_policy is not DriftPolicy.CORRECT:
        return frozenset()
    pin = effective_pin(spec, rival.status, rival.generation).pin
    return select_containers(spec, pin, rival.status.containers, workload).names
