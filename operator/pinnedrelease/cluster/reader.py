"""Reads of single objects, always consistent (no resourceVersion, so not from a stale cache)."""

from __future__ import annotations

from pinnedrelease.api.errors import NotAResource
from pinnedrelease.api.resource import decode_release
from pinnedrelease.cluster import paths
from pinnedrelease.cluster.decode import decode_workload
from pinnedrelease.cluster.errors import MalformedDocument, NotFound
from pinnedrelease.cluster.session import Session
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import Target
from pinnedrelease.core.workload import Workload


class Reader:
    """GET only. Raises ClusterErrors; an object that does not exist is None."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def release(self, namespace: str, name: str) -> Release | None:
        """The PinnedRelease as it is now."""
        try:
            document = await self._session.get(paths.item(paths.RELEASES, namespace, name))
        except NotFound:
            return None
        try:
            return decode_release(document.values)
        except NotAResource as error:
            raise MalformedDocument(f"PinnedRelease {namespace}/{name}: {error}") from error

    async def workload(self, target: Target, namespace: str) -> Workload | None:
        """The target as it is now."""
        try:
            document = await self._session.get(paths.workload(target, namespace))
        except NotFound:
            return None
        return decode_workload(target.kind, document.values)
