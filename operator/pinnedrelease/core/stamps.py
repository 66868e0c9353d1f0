"""Persons in the place of field managers, where a policy has recorded who changed an image."""

from __future__ import annotations

from dataclasses import replace

from pinnedrelease.core.observed import Observed
from pinnedrelease.core.workload import Container, FieldChange, Stamp

USER_SHOWN = 96


def with_persons(observed: Observed) -> Observed:
    """The same world, in which the change that a stamp speaks of was made by its user.

    Only where the policy is known to be installed: without it anybody can write a stamp. The stamp
    is that of the newest change, so it speaks of a container only when the times agree.
    """
    workload = observed.workload
    if not observed.limits.admission_stamp or workload is None or workload.stamp is None:
        return observed
    stamp = workload.stamp
    containers = tuple(_named(container, stamp) for container in workload.containers)
    return replace(observed, workload=replace(workload, containers=containers))


def _named(container: Container, stamp: Stamp) -> Container:
    change = container.changed_by
    if change is None or change.changed_at != stamp.changed_at:
        return container
    manager = f"{stamp.user[:USER_SHOWN]} ({change.manager})"
    return replace(container, changed_by=FieldChange(manager=manager, changed_at=change.changed_at))
