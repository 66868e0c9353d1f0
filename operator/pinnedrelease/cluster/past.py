"""ReplicaSets and ControllerRevisions -> earlier pod templates. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from pinnedrelease.cluster.document import Document
from pinnedrelease.core import marks
from pinnedrelease.core.workload import PastTemplate

DEPLOYMENT_REVISION = "deployment.kubernetes.io/revision"
"""Written by the Deployment controller on its ReplicaSets."""


def is_owned_by(document: Document, uid: str) -> bool:
    """Whether an object belongs to the workload with this uid."""
    owners = document.child("metadata").children("ownerReferences")
    return any(one.optional_text("uid") == uid for one in owners)


def decode_past(document: Mapping[str, object]) -> PastTemplate | None:
    """Read a ReplicaSet or ControllerRevision; None without a time. Raises MalformedDocument."""
    root = Document.of(document, "past template")
    metadata = root.child("metadata")
    created_at = metadata.time("creationTimestamp")
    if created_at is None:
        return None
    annotations = metadata.child("annotations")
    holder = root.child("data") if root.has("data") else root
    pod = holder.child("spec").child("template").child("spec")
    counted = annotations.optional_text(DEPLOYMENT_REVISION) or ""
    return PastTemplate(
        number=int(counted) if counted.isdecimal() else root.number("revision"),
        created_at=created_at,
        images=tuple(
            (container.text("name"), container.optional_text("image") or "")
            for field in ("containers", "initContainers")
            for container in pod.children(field)
        ),
        change_cause=annotations.optional_text(marks.CHANGE_CAUSE) or "",
    )
