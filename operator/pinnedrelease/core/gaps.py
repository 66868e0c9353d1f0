"""Times for which nobody knows what ran: the workload changed while no operator was watching.

A field manager that sets an image takes the field from us, and keeps it with the time of the change
even when the same image is set again later. So a change that nobody saw leaves a trace, but not
all that it did: what ran since we last knew is unknown, and is said to be.
"""

from __future__ import annotations

from datetime import datetime

from pinnedrelease.core.history import Gap, RevisionResult
from pinnedrelease.core.observed import Instant, Observed
from pinnedrelease.core.situation import Situation
from pinnedrelease.core.workload import Container

GAPS_LIMIT = 10


def with_gaps(observed: Observed, situation: Situation, now: Instant) -> tuple[Gap, ...]:
    """The recorded gaps, with the one that this pass found in front."""
    recorded = observed.release.status.gaps
    found = _find(observed, situation)
    if found is None:
        return recorded
    start, container, changed_at = found
    if any(changed_at <= one.end and start >= one.start for one in recorded):
        # Told already, maybe while the image was still another: the end is no news each time.
        return recorded
    end = now.wall if situation.differing else changed_at
    return (Gap(start=start, end=end, actor=container.actor[:128]), *recorded)[:GAPS_LIMIT]


def _find(observed: Observed, situation: Situation) -> tuple[datetime, Container, datetime] | None:
    """Until when it is known what ran, and the newest change since that nobody saw."""
    head = observed.release.status.history.head
    since = observed.watching_since
    if head is None or head.result is RevisionResult.PLANNED or since is None:
        return None
    fence = situation.workload.fence_of(observed.release.name)
    if fence is None or fence.release_uid != observed.release.uid:
        return None
    known_until = _known_until(observed)
    changed = [
        (container, changed_at)
        for container in situation.governed
        if container.name not in situation.workload.owned_containers
        and (changed_at := _changed_at(container)) is not None
        and known_until < changed_at < since
    ]
    if not changed:
        return None
    container, changed_at = max(changed, key=lambda one: one[1])
    return known_until, container, changed_at


def _changed_at(container: Container) -> datetime | None:
    return container.changed_by.changed_at if container.changed_by else None


def _known_until(observed: Observed) -> datetime:
    """The newest moment for which the status vouches."""
    status = observed.release.status
    head = status.history.head
    times = [observed.watched_until] if observed.watched_until is not None else []
    if head is not None:
        times += [head.deploy_time, *([head.ready_time] if head.ready_time else [])]
    for record in status.drift:
        times += [record.detect_time, *([record.correct_time] if record.correct_time else [])]
    return max(times)
