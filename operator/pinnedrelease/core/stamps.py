"""Who is named for an image where managedFields do not tell: an admission webhook, or a person."""

from __future__ import annotations

from dataclasses import replace

from pinnedrelease.core import marks
from pinnedrelease.core.observed import Observed
from pinnedrelease.core.reference import try_parse_reference
from pinnedrelease.core.workload import Container, FieldChange, Stamp, Workload

USER_SHOWN = 96
WEBHOOK = "an admission webhook"


def with_persons(observed: Observed) -> Observed:
    """The same world, in which a webhook's change is the webhook's, and a stamped one its user's.

    A stamp counts only where the policy is known to be installed: without it anybody can write
    one. It is that of the newest change, so it speaks of a container only when the times agree.
    """
    if observed.workload is None:
        return observed
    workload = _with_webhooks(observed.workload)
    if observed.limits.admission_stamp and workload.stamp is not None:
        stamp = workload.stamp
        containers = tuple(_named(container, stamp) for container in workload.containers)
        workload = replace(workload, containers=containers)
    return observed if workload is observed.workload else replace(observed, workload=workload)


def is_rewritten(container: Container) -> bool:
    """Whether an admission webhook has put this image in the place of one of ours."""
    return WEBHOOK in container.actor


def is_left_by_us(actor: str) -> bool:
    """Whether a write of ours was the last: its image is there, or a webhook's in its place."""
    return marks.FIELD_MANAGER in actor or WEBHOOK in actor


def _with_webhooks(workload: Workload) -> Workload:
    """ManagedFields name whoever sent a request for all that is stored with it, so they name us.

    The pin beside the image came with the same request, and tells what we wrote.
    """
    containers = tuple(
        _by_webhook(container, marks.pin_of(workload.marks, container.name))
        for container in workload.containers
    )
    return (
        workload if containers == workload.containers else replace(workload, containers=containers)
    )


def _by_webhook(container: Container, written: str | None) -> Container:
    change = container.changed_by
    if change is None or change.manager != marks.FIELD_MANAGER or written is None:
        return container
    if _is_same(container.image, written):
        return container
    return replace(container, changed_by=replace(change, manager=WEBHOOK))


def _is_same(image: str, written: str) -> bool:
    """Whether both name one content. A pin that is no image text was not written by us."""
    wrote, found = try_parse_reference(written), try_parse_reference(image)
    if wrote is None:
        return True
    return found is not None and (found.repository, found.digest) == (
        wrote.repository,
        wrote.digest,
    )


def _named(container: Container, stamp: Stamp) -> Container:
    change = container.changed_by
    if change is None or change.changed_at != stamp.changed_at:
        return container
    manager = f"{stamp.user[:USER_SHOWN]} ({change.manager})"
    return replace(container, changed_by=FieldChange(manager=manager, changed_at=change.changed_at))
