"""Workloads as the API server sends them."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objects import REPOSITORY, cron_job, daemon_set, deployment, stateful_set
from pinnedrelease.cluster.decode import decode_workload
from pinnedrelease.cluster.errors import Invalid, MalformedDocument
from pinnedrelease.cluster.paths import workload as workload_path
from pinnedrelease.core import marks
from pinnedrelease.core.pin import Target, TargetKind
from pinnedrelease.core.workload import Fence, Rollout

IMAGE = f"{REPOSITORY}:1.0"


def stored(manifest: Any, **status: object) -> Any:
    manifest["metadata"] |= {"uid": "u", "resourceVersion": "5", "generation": 2}
    manifest["status"] = status
    return manifest


def owner(manager: str, time: str, *containers: str, prefix: str = "f:spec") -> Any:
    fields: Any = {f'k:{{"name":"{name}"}}': {"f:image": {}, "f:name": {}} for name in containers}
    return {
        "manager": manager,
        "operation": "Update",
        "time": time,
        "fieldsV1": {prefix: {"f:template": {"f:spec": {"f:containers": fields}}}},
    }


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0001-01-01", "now"]
)
def test_a_time_at_the_end_of_time_is_no_stamp_and_no_crash(text: str) -> None:
    """An OverflowError is no ValueError: one annotation ended the operator at each start."""
    manifest = stored(deployment())
    manifest["metadata"]["annotations"] = {marks.CHANGED_AT: text, marks.CHANGED_BY: "jane"}

    stamp = decode_workload(TargetKind.DEPLOYMENT, manifest).stamp

    assert stamp is None or stamp.changed_at.year == 1


@pytest.mark.parametrize(
    ("kind", "manifest"),
    [
        (TargetKind.DEPLOYMENT, deployment()),
        (TargetKind.STATEFUL_SET, stateful_set()),
        (TargetKind.DAEMON_SET, daemon_set()),
        (TargetKind.CRON_JOB, cron_job()),
    ],
)
def test_every_kind_has_its_containers_read(kind: TargetKind, manifest: Any) -> None:
    decoded = decode_workload(kind, stored(manifest))

    assert [(one.name, one.image) for one in decoded.containers] == [("web", IMAGE)]
    assert (decoded.uid, decoded.resource_version) == ("u", "5")


def test_the_actor_is_the_newest_manager_that_is_not_us() -> None:
    document = stored(deployment())
    document["metadata"]["managedFields"] = [
        owner("kubectl-create", "2026-01-01T00:00:00Z", "web"),
        owner("kubectl-set", "2026-01-02T00:00:00Z", "web"),
        owner("pinnedrelease-controller", "2026-01-03T00:00:00Z", "web", "other"),
    ]

    decoded = decode_workload(TargetKind.DEPLOYMENT, document)

    assert decoded.containers[0].actor == "kubectl-set"
    assert decoded.owned_containers == {"web", "other"}


def test_a_cronjob_has_its_owners_one_level_deeper() -> None:
    document = stored(cron_job())
    entry = owner("kubectl", "2026-01-01T00:00:00Z", "web")
    entry["fieldsV1"] = {"f:spec": {"f:jobTemplate": entry["fieldsV1"]}}
    document["metadata"]["managedFields"] = [entry]

    assert decode_workload(TargetKind.CRON_JOB, document).containers[0].actor == "kubectl"


def test_a_deployment_is_done_when_all_pods_are_new_and_available() -> None:
    numbers = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}

    seen = decode_workload(
        TargetKind.DEPLOYMENT, stored(deployment(), observedGeneration=2, **numbers)
    )
    unseen = decode_workload(
        TargetKind.DEPLOYMENT, stored(deployment(), observedGeneration=1, **numbers)
    )

    assert seen.rollout == Rollout(desired=1, current=1, updated=1, ready=1, observed=True)
    assert seen.rollout.finished
    assert not unseen.rollout.finished


def test_a_daemonset_counts_nodes() -> None:
    decoded = decode_workload(
        TargetKind.DAEMON_SET,
        stored(
            daemon_set(),
            observedGeneration=2,
            desiredNumberScheduled=4,
            currentNumberScheduled=4,
            updatedNumberScheduled=3,
            numberAvailable=2,
        ),
    )

    assert decoded.rollout == Rollout(desired=4, current=4, updated=3, ready=2)


def test_only_our_own_annotations_are_marks_and_a_forged_fence_is_none() -> None:
    document = stored(deployment())
    document["metadata"]["annotations"] = {
        "kubernetes.io/change-cause": "x",
        "fence.pinnedrelease.dev/web": "uid-1/7",
        "fence.pinnedrelease.dev/forged": "uid-1/" + "9" * 40,
        "fence.pinnedrelease.dev/odd": "no slash",
        "pin.pinnedrelease.dev/web": IMAGE,
        "team": "shop",
    }

    decoded = decode_workload(TargetKind.DEPLOYMENT, document)

    assert "team" not in dict(decoded.marks)
    assert len(decoded.marks) == 5
    assert decoded.fences == (("web", Fence(release_uid="uid-1", generation=7)),)


@pytest.mark.parametrize("name", ["../../secrets/x", "a%2fb", "", "a" * 254, "A", ".", ".."])
def test_a_name_that_is_none_never_becomes_part_of_a_url(name: str) -> None:
    with pytest.raises(Invalid):
        workload_path(Target(kind=TargetKind.DEPLOYMENT, name=name), "shop")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(TargetKind), st.sampled_from(["spec", "status", "metadata"]), json_values)
def test_any_object_is_read_or_refused_and_never_a_crash(
    kind: TargetKind, part: str, value: object
) -> None:
    document = {**stored(deployment()), part: value}
    with contextlib.suppress(MalformedDocument):
        assert decode_workload(kind, document).target.kind is kind
