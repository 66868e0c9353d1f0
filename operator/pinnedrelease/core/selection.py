"""Which containers of a target a pin governs. None matching is a finding, never a guess."""

from __future__ import annotations

from dataclasses import dataclass

from pinnedrelease.core.pin import DesiredPin, Pin
from pinnedrelease.core.reference import try_parse_reference
from pinnedrelease.core.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The governed containers that exist, and the names that were asked for and do not."""

    names: frozenset[str]
    missing: tuple[str, ...] = ()


def select_containers(
    desired: DesiredPin, pin: Pin, governed_before: tuple[str, ...], workload: Workload
) -> Selection:
    """Choose by ``spec.containers``, or by repository and by what was governed before.

    A container once governed stays governed by name, whatever image it is given later
    (design 3.3): an image of another repository is drift to correct, not a way out.
    """
    present = frozenset(container.name for container in workload.containers)
    if desired.containers:
        wanted = frozenset(desired.containers)
        missing = tuple(name for name in desired.containers if name not in present)
        return Selection(names=wanted & present, missing=missing)
    by_repository = frozenset(
        container.name
        for container in workload.containers
        if (found := try_parse_reference(container.image)) is not None
        and found.repository == pin.repository
    )
    return Selection(names=by_repository | (frozenset(governed_before) & present))
