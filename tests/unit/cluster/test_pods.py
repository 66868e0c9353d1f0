"""Pods as the API server sends them, and whose pods they are."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objects import DIGEST_A, REPOSITORY
from pinnedrelease.cluster.errors import MalformedDocument
from pinnedrelease.cluster.pods import TROUBLE_LIMIT, OwnedPod, decode_pod
from pinnedrelease.core.pin import Target, TargetKind
from pinnedrelease.core.pods import PodContainer
from worlds import workload

HASH = "5d9c7f8b6"


def owned_by(kind: str, name: str, **changes: object) -> Any:
    """The reference to a pod's controller."""
    return {"kind": kind, "name": name, "uid": "uid-of-owner", "controller": True, **changes}


DEPLOYED = owned_by("ReplicaSet", f"web-{HASH}")


def document(*owners: Any, labels: object = None, **status: object) -> Any:
    """A pod as it is stored, with one container; it has no owner unless some are named."""
    return {
        "metadata": {
            "name": "web-1",
            "namespace": "shop",
            "uid": "uid-of-pod",
            "labels": {"pod-template-hash": HASH} if labels is None else labels,
            "ownerReferences": list(owners),
        },
        "spec": {"nodeName": "node-1", "containers": [{"name": "web", "image": "asked:1"}]},
        "status": status,
    }


def decoded(found: Any) -> OwnedPod:
    """The pod in a document that has one of ours."""
    owned = decode_pod(found)
    assert owned is not None
    return owned


def told(**report: object) -> PodContainer:
    """The container web, as the kubelet's report on it is read."""
    status = document(DEPLOYED, containerStatuses=[{"name": "web", **report}])
    return decoded(status).pod.containers[0]


@pytest.mark.parametrize(
    ("owner", "name", "kind", "workload_name"),
    [
        ("ReplicaSet", f"web-{HASH}", TargetKind.DEPLOYMENT, "web"),
        ("ReplicaSet", f"my-web-2-{HASH}", TargetKind.DEPLOYMENT, "my-web-2"),
        ("StatefulSet", "my-db", TargetKind.STATEFUL_SET, "my-db"),
        ("DaemonSet", "my-agent", TargetKind.DAEMON_SET, "my-agent"),
        ("Job", "my-report-29384756", TargetKind.CRON_JOB, "my-report"),
    ],
)
def test_a_pod_is_traced_to_the_workload_behind_its_owner(
    owner: str, name: str, kind: TargetKind, workload_name: str
) -> None:
    owned = decoded(document(owned_by(owner, name)))

    assert (owned.namespace, owned.target) == ("shop", Target(kind=kind, name=workload_name))
    assert (owned.owner_name, owned.owner_uid) == (name, "uid-of-owner")
    assert (owned.pod.name, owned.pod.uid, owned.pod.node) == ("web-1", "uid-of-pod", "node-1")


@pytest.mark.parametrize(
    "found",
    [
        document(),
        document(owned_by("ReplicationController", "web-1")),
        document(owned_by("Node", "node-1")),
        document(DEPLOYED, labels={}),
        document(DEPLOYED, labels={"pod-template-hash": "another"}),
        document(owned_by("ReplicaSet", f"web{HASH}")),
        document(owned_by("Job", "report")),
        document(owned_by("StatefulSet", "web", controller=None)),
    ],
)
def test_a_pod_that_no_workload_of_ours_can_own_is_none(found: Any) -> None:
    assert decode_pod(found) is None


def test_only_the_owner_that_is_the_controller_counts() -> None:
    bystander = owned_by("StatefulSet", "db", uid="another", controller=False)

    owned = decoded(document(bystander, owned_by("DaemonSet", "agent")))

    assert (owned.target.kind, owned.owner_uid) == (TargetKind.DAEMON_SET, "uid-of-owner")


@pytest.mark.parametrize("kind", [TargetKind.STATEFUL_SET, TargetKind.DAEMON_SET])
def test_a_pod_of_an_earlier_workload_of_the_same_name_does_not_belong(kind: TargetKind) -> None:
    owned = decoded(document(owned_by(str(kind), "web")))
    target = Target(kind=kind, name="web")

    assert owned.belongs_to(workload(target=target, uid="uid-of-owner"))
    assert not owned.belongs_to(workload(target=target, uid="uid-of-a-later-one"))


def test_a_pod_of_a_deployment_belongs_by_the_name_of_its_replicaset() -> None:
    assert decoded(document(DEPLOYED)).belongs_to(workload(uid="uid-of-deployment"))


def test_a_pod_of_a_cronjob_belongs_while_its_job_is_active() -> None:
    owned = decoded(document(owned_by("Job", "web-29384756")))
    target = Target(kind=TargetKind.CRON_JOB, name="web")
    active = frozenset({"web-29384756", "web-29384757"})

    assert owned.belongs_to(workload(target=target, active_jobs=active))
    assert not owned.belongs_to(workload(target=target, active_jobs=active - {"web-29384756"}))
    assert not owned.belongs_to(workload(target=target, uid="uid-of-owner"))


@pytest.mark.parametrize(
    ("statuses", "is_ready"),
    [
        ({"ContainersReady": "False", "Ready": "True"}, True),
        ({"ContainersReady": "True", "Ready": "False"}, False),
        ({"Ready": "Unknown"}, False),
        ({"ContainersReady": "True"}, False),
    ],
)
def test_a_pod_is_ready_when_its_condition_says_so(
    statuses: dict[str, str], *, is_ready: bool
) -> None:
    conditions = [{"type": kind, "status": status} for kind, status in statuses.items()]

    assert decoded(document(DEPLOYED, conditions=conditions)).pod.is_ready is is_ready


def test_a_pod_that_has_succeeded_or_failed_is_finished() -> None:
    for phase in ("Pending", "Running", "Unknown", "Succeeded", "Failed"):
        finished = decoded(document(DEPLOYED, phase=phase)).pod.is_finished
        assert finished is (phase in ("Succeeded", "Failed"))


def test_a_pod_that_is_being_deleted_is_leaving() -> None:
    found = document(DEPLOYED)
    assert not decoded(found).pod.is_leaving

    found["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:00Z"
    assert decoded(found).pod.is_leaving


@pytest.mark.parametrize(
    ("status", "reason", "trouble"),
    [
        ("False", "Unschedulable", "Unschedulable: no memory"),
        ("False", None, "not scheduled: no memory"),
        ("True", "Unschedulable", ""),
    ],
)
def test_a_pod_that_cannot_be_scheduled_says_why(status: str, reason: Any, trouble: str) -> None:
    scheduled = {"type": "PodScheduled", "status": status, "reason": reason}
    found = document(DEPLOYED, conditions=[{**scheduled, "message": "no memory"}])
    found["spec"]["nodeName"] = None

    assert (decoded(found).pod.trouble, decoded(found).pod.node) == (trouble, "")


def waiting(reason: str, message: str | None = None, **report: object) -> Any:
    """A report on a container that waits."""
    return {"state": {"waiting": {"reason": reason, "message": message}}, **report}


def ended(code: object, reason: str | None = None) -> Any:
    """The state of a container that has ended."""
    return {"terminated": {"exitCode": code, "reason": reason}}


@pytest.mark.parametrize(
    ("report", "trouble"),
    [
        (waiting("ImagePullBackOff", "no such digest"), "ImagePullBackOff: no such digest"),
        (waiting("ErrImagePull"), "ErrImagePull"),
        (
            waiting("CrashLoopBackOff", "back-off 5m0s", lastState=ended(3, "Error")),
            "CrashLoopBackOff: back-off 5m0s (last exit code 3)",
        ),
        (waiting("CrashLoopBackOff", lastState=ended(0)), "CrashLoopBackOff (last exit code 0)"),
        ({"state": ended(137, "OOMKilled")}, "ended with exit code 137 (OOMKilled)"),
        ({"state": ended(1)}, "ended with exit code 1 (error)"),
        ({"state": ended(0, "Completed")}, ""),
        (waiting("ContainerCreating"), ""),
        (waiting("PodInitializing", lastState=ended(1)), ""),
        ({"state": {"running": {}}, "lastState": ended(1)}, ""),
        ({}, ""),
    ],
)
def test_a_container_that_does_not_run_says_why(report: Any, trouble: str) -> None:
    assert told(**report).trouble == trouble


def test_every_trouble_is_cut() -> None:
    long = "x" * 2 * TROUBLE_LIMIT
    unscheduled = {"type": "PodScheduled", "status": "False", "message": long}
    pod = decoded(document(DEPLOYED, conditions=[unscheduled])).pod

    waits, stopped = told(**waiting("ErrImagePull", long)), told(state=ended(1, long))

    for one in (pod, waits, stopped):
        assert len(one.trouble) == TROUBLE_LIMIT


def test_init_containers_and_sidecars_are_there_each_with_its_own_report() -> None:
    found = document(
        DEPLOYED,
        initContainerStatuses=[{"name": "migrate", "imageID": "m", "state": ended(0)}],
        containerStatuses=[{"name": "proxy", "imageID": "p"}, {"name": "web", "imageID": "w"}],
    )
    found["spec"]["initContainers"] = [{"name": "migrate", "image": "asked:0"}]
    found["spec"]["containers"] += [{"name": "proxy", "image": "asked:2"}, {"name": "late"}]

    assert decoded(found).pod.containers == (
        PodContainer(name="migrate", image="asked:0", image_id="m"),
        PodContainer(name="web", image="asked:1", image_id="w"),
        PodContainer(name="proxy", image="asked:2", image_id="p"),
        PodContainer(name="late", image=""),
    )


@pytest.mark.parametrize("prefix", ["", f"{REPOSITORY}@", "docker-pullable://nginx@", "docker://"])
def test_an_image_id_is_kept_as_the_runtime_spells_it(prefix: str) -> None:
    assert told(imageID=f"{prefix}{DIGEST_A}").image_id == f"{prefix}{DIGEST_A}"
    assert told().image_id == ""


def entry(manager: str, time: str, *, field: str = "f:containers", spec: str = "f:spec") -> Any:
    """An entry of managedFields that owns the image of the container web."""
    owned: Any = {field: {'k:{"name":"web"}': {"f:image": {}}}}
    return {"manager": manager, "time": time, "fieldsV1": {spec: owned}}


@pytest.mark.parametrize("field", ["f:containers", "f:initContainers"])
def test_who_set_a_pods_image_is_the_newest_owner_of_the_field(field: str) -> None:
    found = document(DEPLOYED)
    found["metadata"]["managedFields"] = [
        entry("kubectl-set", "2026-01-02T00:00:00Z", field=field),
        entry("kube-controller-manager", "2026-01-01T00:00:00Z", field=field),
        entry("kubelet", "2026-01-03T00:00:00Z", field=field, spec="f:status"),
    ]

    assert decoded(found).pod.containers[0].changed_by == "kubectl-set"
    assert told().changed_by == ""


BROKEN: list[tuple[str, str, object]] = [
    ("metadata", "name", None),
    ("metadata", "uid", 5),
    ("metadata", "namespace", None),
    ("metadata", "ownerReferences", {}),
    ("metadata", "ownerReferences", ["StatefulSet"]),
    ("metadata", "managedFields", [{"fieldsV1": []}]),
    ("spec", "containers", {}),
    ("spec", "containers", [{"image": "asked:1"}]),
    ("spec", "containers", [{"name": "web", "image": 1}]),
    ("spec", "nodeName", 1),
    ("status", "conditions", ["Ready"]),
    ("status", "phase", 1),
    ("status", "containerStatuses", [{"name": "web", "imageID": 1}]),
    ("status", "containerStatuses", [{"name": "web", "state": ended("1")}]),
]


@pytest.mark.parametrize(("part", "field", "value"), BROKEN)
def test_a_malformed_pod_is_refused(part: str, field: str, value: object) -> None:
    found = document(owned_by("StatefulSet", "web"))
    found[part][field] = value

    with pytest.raises(MalformedDocument):
        decode_pod(found)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(BROKEN), json_values)
def test_any_value_is_read_or_refused_and_never_a_crash(place: Any, value: object) -> None:
    found = document(DEPLOYED)
    found[place[0]][place[1]] = value
    with contextlib.suppress(MalformedDocument):
        decode_pod(found)
