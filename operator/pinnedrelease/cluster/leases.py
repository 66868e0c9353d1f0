"""A Lease of coordination.k8s.io to and from a value."""

from __future__ import annotations

from datetime import UTC, datetime

from pinnedrelease.cluster import paths
from pinnedrelease.cluster.document import Document
from pinnedrelease.core.lease import DURATION_S, Lease


def decode_lease(document: Document) -> Lease:
    """Read a Lease. Raises MalformedDocument."""
    spec = document.child("spec")
    return Lease(
        holder=spec.optional_text("holderIdentity") or "",
        duration_s=spec.number("leaseDurationSeconds", DURATION_S),
        transitions=spec.number("leaseTransitions"),
        resource_version=document.child("metadata").text("resourceVersion"),
        uid=document.child("metadata").optional_text("uid"),
        acquired_at=spec.time("acquireTime"),
        renewed_at=spec.time("renewTime"),
    )


def lease_body(
    namespace: str, name: str, holder: str, before: Lease | None, at: datetime
) -> dict[str, object]:
    """The Lease that makes somebody its holder, or nobody; only if it is still as it was."""
    metadata = {"namespace": namespace, "name": name}
    acquired_at, transitions = at, 0
    if before is not None:
        metadata["resourceVersion"] = before.resource_version
        if before.uid is not None:
            # Without it the API server would make a Lease anew that somebody has deleted.
            metadata["uid"] = before.uid
        transitions = before.transitions
        if holder == before.holder:
            acquired_at = before.acquired_at or at
        elif holder:
            transitions += 1
    return {
        "apiVersion": paths.LEASES.api_version,
        "kind": "Lease",
        "metadata": metadata,
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": DURATION_S,
            "leaseTransitions": transitions,
            "acquireTime": _micro_time(acquired_at),
            "renewTime": _micro_time(at),
        },
    }


def _micro_time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
