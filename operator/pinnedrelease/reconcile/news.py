"""After a lost write: what the watches bring of the winner."""

from __future__ import annotations

import asyncio

from pinnedrelease.core.observed import Observed
from pinnedrelease.reconcile.gather import Key, Neighbours
from pinnedrelease.reconcile.versions import is_newer

LOOK_S = 0.002
LOOKS = 6
"""Together about the time of the reads that it is to save."""


async def has_news(key: Key, observed: Observed, neighbours: Neighbours) -> bool:
    """Whether the watches tell of something newer than what a pass went by; they get a moment.

    What a write has lost against is stored, so that its event is on the way. By reads instead the
    next write comes so late that it loses against the controller's next one.
    """
    for _ in range(LOOKS):
        if _is_overtaken(key, observed, neighbours):
            return True
        await asyncio.sleep(LOOK_S)
    return _is_overtaken(key, observed, neighbours)


def _is_overtaken(key: Key, observed: Observed, neighbours: Neighbours) -> bool:
    release, workload = observed.release, observed.workload
    seen = neighbours.seen_version(key)
    if seen is not None and is_newer(seen, release.resource_version):
        return True
    if workload is None:
        return False
    watched = neighbours.watched_workload(key.namespace, workload.target)
    if watched is None:
        return False
    return is_newer(watched.value.resource_version, workload.resource_version)
