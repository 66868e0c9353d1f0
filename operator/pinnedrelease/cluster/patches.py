"""Bodies of our writes. Pure: what is sent can be read and tested without a server."""

from __future__ import annotations

from datetime import datetime

from pinnedrelease.api import names
from pinnedrelease.api.convert import status_to_wire
from pinnedrelease.cluster import paths
from pinnedrelease.core.actions import (
    ApplyImages,
    EmitEvent,
    KeptContainer,
    PairInForce,
    PinnedContainer,
)
from pinnedrelease.core.marks import FIELD_MANAGER
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import TargetKind
from pinnedrelease.core.status import Status

Body = dict[str, object]


def apply_body(action: ApplyImages, namespace: str) -> Body:
    """A server-side apply of images and marks (design 3.4).

    uid and resourceVersion make it fail when the workload is not the one that was read; without
    the uid an apply would create a workload that has just been deleted.
    """
    chosen_containers: tuple[PinnedContainer | KeptContainer, ...] = (
        *action.pinned,
        *action.kept,
    )
    pod: Body = {}
    for field, init in (("containers", False), ("initContainers", True)):
        chosen = [
            {"name": container.name, "image": _image(container)}
            for container in chosen_containers
            if container.init is init
        ]
        if chosen:
            pod[field] = chosen
    template: Body = {"template": {"spec": pod}}
    is_cron_job = action.target.kind is TargetKind.CRON_JOB
    return {
        "apiVersion": paths.WORKLOADS[action.target.kind].api_version,
        "kind": str(action.target.kind),
        "metadata": {
            "name": action.target.name,
            "namespace": namespace,
            "uid": action.uid,
            "resourceVersion": action.resource_version,
            "annotations": dict(action.marks),
        },
        "spec": {"jobTemplate": {"spec": template}} if is_cron_job else template,
    }


def status_body(status: Status, resource_version: str) -> Body:
    """A merge patch of the whole status, refused unless the object is the one that was read.

    The precondition makes replacing lists safe: nobody's history entry is lost unseen.
    """
    return {"metadata": {"resourceVersion": resource_version}, "status": status_to_wire(status)}


def event_bodies(action: EmitEvent, release: Release, at: datetime) -> tuple[Body, ...]:
    """The event on the PinnedRelease, and the same on its target, where people look first."""
    bodies = [_event(action, release.namespace, _release_reference(release), at)]
    if action.target is not None and action.target_uid is not None:
        kind = paths.WORKLOADS[action.target.kind]
        reference: Body = {
            "apiVersion": kind.api_version,
            "kind": str(action.target.kind),
            "namespace": release.namespace,
            "name": action.target.name,
            "uid": action.target_uid,
        }
        bodies.append(_event(action, release.namespace, reference, at))
    return tuple(bodies)


def _image(container: PinnedContainer | KeptContainer) -> str:
    if isinstance(container, PinnedContainer):
        return container.pin.image
    return container.image


def _release_reference(release: Release) -> Body:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "namespace": release.namespace,
        "name": release.name,
        "uid": release.uid,
    }


def _event(action: EmitEvent, namespace: str, involved: Body, at: datetime) -> Body:
    stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "generateName": f"{str(involved['name'])[:200]}.",
            "namespace": namespace,
            "annotations": _annotations(action.pair) if action.pair is not None else {},
        },
        "involvedObject": involved,
        "type": str(action.type),
        "reason": action.reason,
        "message": action.message[:1024],
        "source": {"component": FIELD_MANAGER},
        "reportingComponent": FIELD_MANAGER,
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }


def _annotations(pair: PairInForce) -> dict[str, str]:
    found = {
        names.EVENT_TAG: pair.pin.tag,
        names.EVENT_DIGEST: str(pair.pin.digest),
        names.EVENT_SHORT_DIGEST: pair.pin.digest.short,
    }
    if pair.revision is not None:
        found[names.EVENT_REVISION] = str(pair.revision)
    if pair.previous is not None:
        found[names.EVENT_PREVIOUS_DIGEST] = str(pair.previous)
    return found
