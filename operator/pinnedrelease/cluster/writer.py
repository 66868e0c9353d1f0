"""The only module that changes anything in the cluster.

It obeys actions. It cannot create or delete a workload or a pod, and an image that it pins can
only be a declared digest (the type of :class:`PinnedContainer`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from pinnedrelease.cluster import paths
from pinnedrelease.cluster.decode import decode_workload
from pinnedrelease.cluster.errors import Invalid, NotLeading
from pinnedrelease.cluster.leases import decode_lease, lease_body
from pinnedrelease.cluster.patches import apply_body, event_bodies, status_body
from pinnedrelease.cluster.session import Session
from pinnedrelease.core.actions import ApplyImages, EmitEvent, LetGo
from pinnedrelease.core.lease import Lease
from pinnedrelease.core.marks import FIELD_MANAGER
from pinnedrelease.core.observed import Release
from pinnedrelease.core.status import Status
from pinnedrelease.core.workload import Workload

COMMAND_MANAGER = "pinrel"
"""Owner of what a person changes with the CLI."""
APPLY_PATCH = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"
OLD_CRD = "an older CRD than this operator's refuses some statuses: apply that of its release"


class Writer:
    """Writes. Raises ClusterErrors; nothing is retried here.

    Asked right before each write of an operator: whether it is still the one that may.
    """

    def __init__(self, session: Session, is_leading: Callable[[], bool] = lambda: True) -> None:
        self._session = session
        self._is_leading = is_leading

    async def write_status(self, release: Release, status: Status) -> str:
        """Store the status if the object is still as it was read. Returns its new version."""
        self._must_lead()
        path = paths.item(paths.RELEASES, release.namespace, release.name, "status")
        body = status_body(status, release.resource_version)
        try:
            stored = await self._session.patch(
                path, body, MERGE_PATCH, {"fieldManager": FIELD_MANAGER}
            )
        except Invalid as error:
            raise Invalid(f"{error}; {OLD_CRD}") from error
        return stored.child("metadata").text("resourceVersion")

    async def apply_images(self, release: Release, action: ApplyImages) -> Workload:
        """Apply images and marks, if the workload is still the one that was read.

        Returns the workload as it is stored now.
        """
        self._must_lead()
        stored = await self._session.patch(
            paths.workload(action.target, release.namespace),
            apply_body(action, release.namespace),
            APPLY_PATCH,
            {"fieldManager": FIELD_MANAGER, "force": "true"},
        )
        return decode_workload(action.target.kind, stored.values)

    async def let_go(self, namespace: str, action: LetGo) -> None:
        """Take marks off a workload's metadata, if it is still the one that was read.

        A merge patch, not an apply: after a replace by somebody else the marks may be nobody's, and
        an apply takes off only what is its own.
        """
        self._must_lead()
        await self._session.patch(
            paths.workload(action.target, namespace),
            {
                "metadata": {
                    "uid": action.uid,
                    "resourceVersion": action.resource_version,
                    "annotations": dict.fromkeys(action.marks),
                }
            },
            MERGE_PATCH,
            {"fieldManager": FIELD_MANAGER},
        )

    async def change_release(
        self, namespace: str, name: str, patch: Mapping[str, object], resource_version: str
    ) -> None:
        """Change what a PinnedRelease declares, if it is still as it was read: for the CLI."""
        metadata = patch.get("metadata")
        fields = metadata if isinstance(metadata, Mapping) else {}
        body = {**patch, "metadata": {**fields, "resourceVersion": resource_version}}
        await self._session.patch(
            paths.item(paths.RELEASES, namespace, name),
            body,
            MERGE_PATCH,
            {"fieldManager": "pinrel"},
        )

    async def emit_event(self, release: Release, action: EmitEvent, at: datetime) -> None:
        """Create the events of an action."""
        self._must_lead()
        for body in event_bodies(action, release, at):
            await self._session.post(paths.collection(paths.EVENTS, release.namespace), body)

    async def write_lease(
        self, namespace: str, name: str, holder: str, before: Lease | None, at: datetime
    ) -> Lease:
        """Store who may write, if the Lease is still as it was read (None: there was none)."""
        body = lease_body(namespace, name, holder, before, at)
        if before is None:
            stored = await self._session.post(paths.collection(paths.LEASES, namespace), body)
        else:
            stored = await self._session.overwrite(paths.item(paths.LEASES, namespace, name), body)
        return decode_lease(stored)

    def _must_lead(self) -> None:
        if not self._is_leading():
            raise NotLeading("the Lease is not held any more; whoever holds it does the rest")
