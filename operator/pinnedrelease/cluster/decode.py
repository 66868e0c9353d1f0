"""Workloads as the API server sends them -> core values. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache

from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.errors import MalformedDocument
from pinnedrelease.core import marks
from pinnedrelease.core.marks import FIELD_MANAGER
from pinnedrelease.core.pin import Target, TargetKind
from pinnedrelease.core.workload import (
    Container,
    FieldChange,
    PullSource,
    Rollout,
    RolloutHold,
    Stamp,
    Workload,
)

PULL_SECRETS_LIMIT = 16
Owners = dict[str, list[FieldChange]]
_IN_WORKLOAD = ("f:spec", "f:template", "f:spec")
TEMPLATE_FIELDS = dict.fromkeys(TargetKind, _IN_WORKLOAD) | {
    TargetKind.CRON_JOB: ("f:spec", "f:jobTemplate", *_IN_WORKLOAD)
}


def decode_workload(kind: TargetKind, document: Mapping[str, object]) -> Workload:
    """Read a Deployment, StatefulSet, DaemonSet or CronJob. Raises MalformedDocument."""
    root = Document.of(document, str(kind))
    metadata = root.child("metadata")
    owners = image_owners(metadata, TEMPLATE_FIELDS[kind])
    pod = pod_spec(root, kind)
    our_marks = tuple(
        (name, text) for name, text in metadata.child("annotations").texts() if marks.is_ours(name)
    )
    return Workload(
        target=Target(kind=kind, name=metadata.text("name")),
        uid=metadata.text("uid"),
        resource_version=metadata.text("resourceVersion"),
        deleting=metadata.has("deletionTimestamp"),
        hold=_hold(root.child("spec"), kind),
        failure=_failure(root.child("status")),
        active_jobs=frozenset(
            one.optional_text("name") or "" for one in root.child("status").children("active")
        ),
        containers=tuple(_containers(pod, owners)),
        pull=_pull_source(pod),
        owned_containers=frozenset(
            name
            for name, changes in owners.items()
            if any(change.manager == FIELD_MANAGER for change in changes)
        ),
        marks=our_marks,
        stamp=_stamp(metadata.child("annotations")),
        fences=marks.fences_in(our_marks),
        rollout=_rollout(root, metadata, kind),
    )


def pod_spec(root: Document, kind: TargetKind) -> Document:
    """The pod template's spec of a workload."""
    spec = root.child("spec")
    if kind is TargetKind.CRON_JOB:
        spec = spec.child("jobTemplate").child("spec")
    return spec.child("template").child("spec")


def _pull_source(pod: Document) -> PullSource:
    return PullSource(
        secrets=pull_secret_names(pod),
        service_account=pod.optional_text("serviceAccountName") or PullSource().service_account,
    )


def pull_secret_names(holder: Document) -> tuple[str, ...]:
    """The names under ``imagePullSecrets`` of a pod spec or a ServiceAccount, in their order."""
    names = (one.optional_text("name") for one in holder.children("imagePullSecrets"))
    return tuple(name for name in names if name)[:PULL_SECRETS_LIMIT]


def _containers(pod: Document, owners: Owners) -> Iterator[Container]:
    for field, init in (("containers", False), ("initContainers", True)):
        for document in pod.children(field):
            name = document.text("name")
            yield Container(
                name=name,
                image=document.optional_text("image") or "",
                init=init,
                changed_by=last_change(owners.get(name, [])),
            )


def last_change(changes: list[FieldChange]) -> FieldChange | None:
    """Who set the field last. Others come before us: where both own it, they wrote our value."""
    others = [change for change in changes if change.manager != FIELD_MANAGER]
    candidates = others or changes
    if not candidates:
        return None
    return max(candidates, key=lambda one: one.changed_at.timestamp() if one.changed_at else 0.0)


def image_owners(metadata: Document, way: tuple[str, ...]) -> Owners:
    """Container name -> the managers that own its image (managedFields, FieldsV1).

    ``way`` leads to the pod spec.
    """
    owners: Owners = {}
    for entry in metadata.children("managedFields"):
        names = tuple(_owned_images(entry.child("fieldsV1"), way))
        if not names:
            continue
        change = FieldChange(
            manager=entry.optional_text("manager") or "unknown", changed_at=entry.time("time")
        )
        for name in names:
            owners.setdefault(name, []).append(change)
    return owners


def _owned_images(fields: Document, way: tuple[str, ...]) -> Iterator[str]:
    pod = fields
    for step in way:
        pod = pod.child(step)
    for field in ("f:containers", "f:initContainers"):
        containers = pod.child(field)
        for key in containers.names():
            if key.startswith("k:") and containers.child(key).has("f:image"):
                yield _name_in_key(key)


@lru_cache(maxsize=1024)
def _name_in_key(key: str) -> str:
    """The name in a list key such as ``k:{"name":"api"}``; empty when it has none."""
    try:
        return Document.of(json.loads(key.removeprefix("k:")), key).optional_text("name") or ""
    except json.JSONDecodeError:
        return ""


def _stamp(annotations: Document) -> Stamp | None:
    """The stamp; None when it is not whole: then nobody can tell which change it speaks of."""
    try:
        changed_at = annotations.time(marks.CHANGED_AT)
        user = annotations.optional_text(marks.CHANGED_BY)
    except MalformedDocument:
        return None
    return Stamp(user=user, changed_at=changed_at) if user and changed_at is not None else None


def _hold(spec: Document, kind: TargetKind) -> RolloutHold | None:
    """Why the workload's controller does not replace pods by itself."""
    if kind is TargetKind.DEPLOYMENT and spec.values.get("paused") is True:
        return RolloutHold.PAUSED
    strategy = spec.child("updateStrategy")
    if strategy.optional_text("type") == "OnDelete":
        return RolloutHold.ON_DELETE
    if kind is TargetKind.STATEFUL_SET and strategy.child("rollingUpdate").number("partition") > 0:
        return RolloutHold.PARTITION
    return None


def _failure(status: Document) -> str:
    """The words of a controller that cannot make pods, for example because of a quota."""
    for condition in status.children("conditions"):
        is_failing = condition.optional_text("status") == "True"
        if is_failing and condition.optional_text("type") == "ReplicaFailure":
            return (condition.optional_text("message") or "")[:300]
    return ""


def _rollout(root: Document, metadata: Document, kind: TargetKind) -> Rollout:
    """The numbers that ``kubectl rollout status`` looks at."""
    spec, status = root.child("spec"), root.child("status")
    observed = status.number("observedGeneration") >= metadata.number("generation")
    match kind:
        case TargetKind.DEPLOYMENT:
            return Rollout(
                desired=spec.number("replicas", 1),
                current=status.number("replicas"),
                updated=status.number("updatedReplicas"),
                ready=status.number("availableReplicas"),
                observed=observed,
            )
        case TargetKind.STATEFUL_SET:
            return Rollout(
                desired=spec.number("replicas", 1),
                current=status.number("replicas"),
                updated=status.number("updatedReplicas"),
                ready=status.number("readyReplicas"),
                observed=observed,
            )
        case TargetKind.DAEMON_SET:
            return Rollout(
                desired=status.number("desiredNumberScheduled"),
                current=status.number("currentNumberScheduled"),
                updated=status.number("updatedNumberScheduled"),
                ready=status.number("numberAvailable"),
                observed=observed,
            )
        case TargetKind.CRON_JOB:
            return Rollout(desired=0, current=0, updated=0, ready=0)
