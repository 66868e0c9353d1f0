"""Pods as the API server sends them -> small core values, and whose pods they are. Pure."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pinnedrelease.cluster.decode import image_owners, last_change
from pinnedrelease.cluster.document import Document
from pinnedrelease.core.pin import Target, TargetKind
from pinnedrelease.core.pods import Pod, PodContainer
from pinnedrelease.core.workload import Workload

TROUBLE_LIMIT = 300
_STARTING = frozenset({"ContainerCreating", "PodInitializing"})
_KINDS = {"StatefulSet": TargetKind.STATEFUL_SET, "DaemonSet": TargetKind.DAEMON_SET}


@dataclass(frozen=True, slots=True)
class OwnedPod:
    """A pod with its owner: the workload's place, and what tells it from a namesake."""

    namespace: str
    target: Target
    owner_name: str
    owner_uid: str
    pod: Pod

    def belongs_to(self, workload: Workload) -> bool:
        """Whether it is a pod of this very workload, not of an earlier one of the same name."""
        match workload.target.kind:
            case TargetKind.CRON_JOB:
                return self.owner_name in workload.active_jobs
            case TargetKind.DEPLOYMENT:
                # Its ReplicaSet stands between; the name has been taken apart already.
                return True
            case _:
                return self.owner_uid == workload.uid


def decode_pod(document: Mapping[str, object]) -> OwnedPod | None:
    """Read a pod; None when no workload of ours can own it. Raises MalformedDocument."""
    root = Document.of(document, "Pod")
    metadata = root.child("metadata")
    owner = next(
        (one for one in metadata.children("ownerReferences") if one.values.get("controller")), None
    )
    if owner is None:
        return None
    name = owner.optional_text("name") or ""
    target = _target(owner.optional_text("kind") or "", name, metadata)
    if target is None:
        return None
    return OwnedPod(
        namespace=sys.intern(metadata.text("namespace")),
        target=target,
        owner_name=sys.intern(name),
        owner_uid=sys.intern(owner.optional_text("uid") or ""),
        pod=_pod(root, metadata),
    )


def watched_pod(
    is_wanted: Callable[[str], bool] = lambda _namespace: True,
) -> Callable[[Document], OwnedPod | None]:
    """A reader of the pods that a workload of ours can own, in the namespaces that are wanted."""

    def read(document: Document) -> OwnedPod | None:
        namespace = document.child("metadata").text("namespace")
        return decode_pod(document.values) if is_wanted(namespace) else None

    return read


def decode_any_pod(document: Mapping[str, object]) -> tuple[str, str, Pod]:
    """Namespace, owner and content of a pod, whoever owns it. Raises MalformedDocument.

    The owner is the workload where its name can be told, else the object that made the pod, else
    the pod itself.
    """
    root = Document.of(document, "Pod")
    metadata = root.child("metadata")
    owned = decode_pod(document)
    if owned is not None:
        return owned.namespace, str(owned.target), owned.pod
    pod = _pod(root, metadata)
    maker = next((one for one in metadata.children("ownerReferences")), None)
    owner = f"{maker.text('kind')}/{maker.text('name')}" if maker is not None else f"Pod/{pod.name}"
    return metadata.text("namespace"), owner, pod


def _target(kind: str, owner: str, metadata: Document) -> Target | None:
    """The workload behind a pod's owner, by the names that its controllers give."""
    if kind in _KINDS:
        return Target(kind=_KINDS[kind], name=sys.intern(owner))
    if kind == "ReplicaSet":
        template = metadata.child("labels").optional_text("pod-template-hash")
        if template and owner.endswith(f"-{template}"):
            name = sys.intern(owner.removesuffix(f"-{template}"))
            return Target(kind=TargetKind.DEPLOYMENT, name=name)
    if kind == "Job" and "-" in owner:
        return Target(kind=TargetKind.CRON_JOB, name=sys.intern(owner.rpartition("-")[0]))
    return None


def _pod(root: Document, metadata: Document) -> Pod:
    spec, status = root.child("spec"), root.child("status")
    conditions = {one.optional_text("type"): one for one in status.children("conditions")}
    ready, scheduled = conditions.get("Ready"), conditions.get("PodScheduled")
    return Pod(
        name=metadata.text("name"),
        uid=metadata.text("uid"),
        node=sys.intern(spec.optional_text("nodeName") or ""),
        is_ready=ready is not None and ready.optional_text("status") == "True",
        is_finished=status.optional_text("phase") in ("Succeeded", "Failed"),
        is_leaving=metadata.has("deletionTimestamp"),
        trouble=_scheduling_trouble(scheduled),
        containers=tuple(_containers(spec, status, metadata)),
    )


def _scheduling_trouble(scheduled: Document | None) -> str:
    if scheduled is None or scheduled.optional_text("status") != "False":
        return ""
    reason = scheduled.optional_text("reason") or "not scheduled"
    return f"{reason}: {scheduled.optional_text('message') or ''}"[:TROUBLE_LIMIT]


def _containers(spec: Document, status: Document, metadata: Document) -> Iterator[PodContainer]:
    reports = {
        one.optional_text("name"): one
        for field in ("initContainerStatuses", "containerStatuses")
        for one in status.children(field)
    }
    owners = image_owners(metadata, ("f:spec",))
    for field in ("initContainers", "containers"):
        for container in spec.children(field):
            name = container.text("name")
            report = reports.get(name)
            changed_by = last_change(owners.get(name, []))
            yield PodContainer(
                name=sys.intern(name),
                image=sys.intern(container.optional_text("image") or ""),
                image_id=sys.intern((report.optional_text("imageID") or "") if report else ""),
                trouble=_container_trouble(report) if report else "",
                changed_by=sys.intern(changed_by.manager) if changed_by else "",
            )


def _container_trouble(report: Document) -> str:
    """Why a container does not run, in the kubelet's words."""
    state = report.child("state")
    waiting, ended = state.child("waiting"), state.child("terminated")
    reason = waiting.optional_text("reason") or ""
    if reason and reason not in _STARTING:
        text = f"{reason}: {waiting.optional_text('message') or ''}".rstrip(": ")
        before = report.child("lastState").child("terminated")
        if before.has("exitCode"):
            text += f" (last exit code {before.number('exitCode')})"
        return text[:TROUBLE_LIMIT]
    code = ended.number("exitCode")
    if code != 0:
        why = ended.optional_text("reason") or "error"
        return f"ended with exit code {code} ({why})"[:TROUBLE_LIMIT]
    return ""
