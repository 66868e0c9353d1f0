"""Reads of single objects, always consistent (no resourceVersion, so not from a stale cache)."""

from __future__ import annotations

import logging

from pinnedrelease.api.errors import NotAResource
from pinnedrelease.api.resource import decode_release
from pinnedrelease.cluster import paths
from pinnedrelease.cluster.decode import decode_workload
from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.errors import Forbidden, MalformedDocument, NotFound
from pinnedrelease.cluster.leases import decode_lease
from pinnedrelease.cluster.past import decode_past, is_owned_by
from pinnedrelease.cluster.session import Session
from pinnedrelease.core.lease import Lease
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import Target, TargetKind
from pinnedrelease.core.workload import PastTemplate, Workload

log = logging.getLogger(__name__)

PAGE = 500
KEEPERS = {
    TargetKind.DEPLOYMENT: paths.REPLICA_SETS,
    TargetKind.STATEFUL_SET: paths.CONTROLLER_REVISIONS,
    TargetKind.DAEMON_SET: paths.CONTROLLER_REVISIONS,
}
"""Where earlier templates are kept."""


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

    async def document(self, namespace: str, name: str) -> Document:
        """A PinnedRelease as the API server has it. Raises NotFound."""
        return await self._session.get(paths.item(paths.RELEASES, namespace, name))

    async def past(self, target: Target, namespace: str) -> tuple[PastTemplate, ...]:
        """The target's earlier templates, as its own controller keeps them; none of a CronJob.

        None either where they may not be read: a lost history then stays lost, and is said so in
        the log.
        """
        kind = KEEPERS.get(target.kind)
        if kind is None:
            return ()
        try:
            return await self._templates(kind, target, namespace)
        except NotFound:
            return ()
        except Forbidden as error:
            log.warning("a lost history cannot be rebuilt", extra={"error": str(error)})
            return ()

    async def _templates(
        self, kind: paths.ResourceKind, target: Target, namespace: str
    ) -> tuple[PastTemplate, ...]:
        workload = await self._session.get(paths.workload(target, namespace))
        uid = workload.child("metadata").text("uid")
        labels = dict(workload.child("spec").child("selector").child("matchLabels").texts())
        selector = ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
        found: list[PastTemplate] = []
        query = {"limit": str(PAGE), "labelSelector": selector}
        while True:
            page = await self._session.get(paths.collection(kind, namespace), query)
            for document in page.children("items"):
                past = decode_past(document.values) if is_owned_by(document, uid) else None
                if past is not None:
                    found.append(past)
            following = page.child("metadata").optional_text("continue")
            if not following:
                return tuple(found)
            query = {**query, "continue": following}

    async def lease(self, namespace: str, name: str) -> Lease | None:
        """Who may write, as the API server has it now."""
        try:
            return decode_lease(await self._session.get(paths.item(paths.LEASES, namespace, name)))
        except NotFound:
            return None

    async def workload(self, target: Target, namespace: str) -> Workload | None:
        """The target as it is now."""
        try:
            document = await self._session.get(paths.workload(target, namespace))
        except NotFound:
            return None
        return decode_workload(target.kind, document.values)
