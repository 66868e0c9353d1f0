"""Wire to core and back."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objects import DIGEST_A, DIGEST_B, REPOSITORY, pinned_release
from pinnedrelease.api.convert import status_from_wire, status_to_wire
from pinnedrelease.api.errors import NotAResource
from pinnedrelease.api.resource import decode_release, decode_spec
from pinnedrelease.core.digest import Digest
from pinnedrelease.core.observed import InvalidSpec
from pinnedrelease.core.pin import DesiredPin
from pinnedrelease.core.pods import PodCounts, Running
from pinnedrelease.core.proof import PlatformProof, Proof
from pinnedrelease.core.status import Status
from worlds import PIN_A, settled, workload, world

DIGEST = Digest.parse(DIGEST_A)

METADATA = {
    "namespace": "shop",
    "name": "web",
    "uid": "u",
    "resourceVersion": "7",
    "generation": 3,
    "creationTimestamp": "2026-11-23T12:00:00Z",
}


def stored(**spec: object) -> Any:
    document: Any = pinned_release(**spec)  # type: ignore[arg-type]
    document["metadata"] = deepcopy(METADATA)
    return document


def problems(document: object) -> str:
    decoded = decode_spec(document)
    assert isinstance(decoded, InvalidSpec)
    return "; ".join(decoded.problems)


def test_a_minimal_object_is_read_with_its_defaults() -> None:
    release = decode_release(stored())

    assert isinstance(release.spec, DesiredPin)
    assert release.spec.pin == PIN_A
    assert (release.spec.suspend, release.spec.revision_history_limit) == (False, 10)
    assert release.spec.timeout.total_seconds() == 600
    assert (release.namespace, release.name, release.generation) == ("shop", "web", 3)


def test_an_unknown_field_of_a_newer_server_is_ignored() -> None:
    assert isinstance(decode_release(stored(somethingNew={"a": 1})).spec, DesiredPin)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"digest": "sha256:short"}, "spec.digest"),
        ({"tag": 1.1}, "spec.tag"),
        ({"repository": f"{REPOSITORY}:1"}, "spec.repository"),
        ({"repository": "a" * 64}, "spec.repository"),
        ({"timeout": "ten minutes"}, "spec.timeout"),
        ({"target": {"kind": "CronJob", "name": "web"}}, "spec.targetRef"),
        ({"target": {"kind": "Pod", "name": "web"}}, "spec.targetRef.kind"),
        ({"target": {}}, "spec.targetRef.name"),
        ({"containers": "web"}, "spec.containers"),
    ],
)
def test_a_wrong_field_is_named_with_its_path(wrong: dict[str, Any], field: str) -> None:
    assert problems(stored(**wrong)["spec"]).startswith(f"{field}")


@pytest.mark.parametrize("nothing", [None, "text", [], 1])
def test_a_spec_that_is_no_object_is_invalid_and_no_crash(nothing: object) -> None:
    assert problems(nothing).startswith("spec")


def test_metadata_that_no_server_sends_is_an_error_with_a_path() -> None:
    with pytest.raises(NotAResource, match=r"metadata\.uid"):
        decode_release({"metadata": {key: METADATA[key] for key in METADATA if key != "uid"}})


def test_the_manager_of_the_digest_is_the_actor() -> None:
    document = stored()
    document["metadata"]["managedFields"] = [
        {
            "manager": "early",
            "time": "2026-01-01T00:00:00Z",
            "fieldsV1": {"f:spec": {"f:digest": {}}},
        },
        {"manager": "ci", "time": "2026-02-01T00:00:00Z", "fieldsV1": {"f:spec": {"f:digest": {}}}},
        {"manager": "late", "time": "2026-03-01T00:00:00Z", "fieldsV1": {"f:spec": {"f:tag": {}}}},
        {
            "manager": "us",
            "subresource": "status",
            "time": "2026-04-01T00:00:00Z",
            "fieldsV1": {"f:spec": {"f:digest": {}}},
        },
    ]

    assert decode_release(document).changed_by == "ci"


def status_writer(manager: str, fields: dict[str, object]) -> dict[str, object]:
    return {"manager": manager, "subresource": "status", "fieldsV1": {"f:status": fields}}


def with_status(*writers: dict[str, object]) -> Any:
    """A PinnedRelease at rest whose status these managers have written."""
    document = stored()
    document["status"] = status_to_wire(
        replace(settled(world(on=workload())).release.status, failed_generation=1)
    )
    document["metadata"]["managedFields"] = list(writers)
    return document


def test_a_revision_that_somebody_else_has_written_is_marked() -> None:
    fields: dict[str, object] = {"f:history": {'k:{"revision":1}': {"f:digest": {}}, "k:junk": {}}}

    (ours,) = decode_release(
        with_status(status_writer("pinnedrelease-controller", fields))
    ).status.history.revisions
    (theirs,) = decode_release(
        with_status(status_writer("kubectl-edit", fields))
    ).status.history.revisions

    assert (ours.edited_by, theirs.edited_by) == (None, "kubectl-edit")


def test_fields_that_decide_something_are_not_taken_from_strangers() -> None:
    fields: dict[str, object] = {
        "f:failedGeneration": {}, "f:containers": {}, "f:podSummary": {}, "f:proof": {},
    }  # fmt: skip

    ours = decode_release(with_status(status_writer("pinnedrelease-controller", fields))).status
    theirs = decode_release(with_status(status_writer("kubectl-edit", fields))).status

    assert (ours.failed_generation, ours.containers) == (1, ("web",))
    assert (theirs.failed_generation, theirs.containers) == (None, ())
    assert theirs.pod_summary == ours.pod_summary


def test_tools_are_named_as_people_know_them() -> None:
    document = stored()
    document["metadata"]["managedFields"] = [
        {"manager": "argocd-controller", "fieldsV1": {"f:spec": {"f:digest": {}}}},
        {"manager": "pinrel", "fieldsV1": {"f:spec": {"f:override": {}}}},
    ]

    found = decode_release(document)

    assert (found.changed_by, found.overridden_by) == ("Argo CD", "pinrel")


def test_a_status_survives_the_way_to_the_wire_and_back() -> None:
    status = settled(world(on=workload())).release.status

    assert status_from_wire(status_to_wire(status)) == status


def test_what_pods_run_survives_the_way_to_the_wire_and_back() -> None:
    status = replace(
        settled(world(on=workload())).release.status,
        pods=PodCounts(desired=2, current=2, matching=1, mismatched=0, unknown=1),
        running=(Running(digest=DIGEST_A, pods=2, samples=("web-1", "web-2")),),
        proof=Proof(
            digest=DIGEST,
            platforms=(PlatformProof(platform="linux/amd64", manifest=DIGEST, config=DIGEST),),
            same=(DIGEST,),
            other=(DIGEST,),
        ),
    )

    assert status_from_wire(status_to_wire(status)) == status


def test_an_empty_status_clears_every_field() -> None:
    wire = status_to_wire(Status())

    assert all(value in (None, []) for value in wire.values())
    assert status_from_wire(wire) == Status()


def test_what_makes_no_sense_in_a_status_is_left_out_and_not_believed() -> None:
    wire = status_to_wire(settled(world(on=workload())).release.status)
    good = deepcopy(wire["history"])
    assert isinstance(good, list)
    wire["history"] = [*good, {"revision": 9, "digest": "x"}, "text", None]
    wire["conditions"] = "none"
    wire["revision"] = "many"
    wire["deployTime"] = "yesterday"

    status = status_from_wire(wire)

    assert [one.number for one in status.history.revisions] == [1]
    assert status.conditions == ()
    assert (status.revision, status.deploy_time) == (0, None)
    assert status.target == "Deployment/web"


def test_a_history_digest_edited_by_hand_to_nonsense_is_not_believed() -> None:
    wire: Any = status_to_wire(settled(world(on=workload())).release.status)
    wire["history"][0]["digest"] = DIGEST_A.upper()

    assert status_from_wire(wire).history.revisions == ()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
KEYS = ["spec", "status", "history", "conditions", "drift", "digest", "tag", "image", "containers"]


@given(st.dictionaries(st.sampled_from(KEYS), json_values))
def test_no_status_crashes_the_reader(document: dict[str, object]) -> None:
    assert isinstance(status_from_wire(document), Status)


@given(st.fixed_dictionaries({"metadata": st.just(METADATA)}, optional={
    "spec": json_values, "status": json_values,
}))  # fmt: skip
def test_no_object_crashes_the_reader(document: dict[str, object]) -> None:
    assert decode_release(document).name == "web"


@pytest.mark.parametrize("field", ["timeout", "interval"])
def test_a_duration_of_nothing_is_refused(field: str) -> None:
    spec = decode_spec({**stored()["spec"], field: "0s"})

    assert isinstance(spec, InvalidSpec)
    assert "at least 1s" in spec.problems[0]


def test_times_are_those_of_utc_whatever_zone_they_are_written_in() -> None:
    override = {
        "digest": DIGEST_B,
        "insteadOf": DIGEST_A,
        "reason": "1.1 loses orders",
        "expireTime": "2026-11-23T18:00:00+05:00",
    }

    spec = decode_spec({**stored()["spec"], "override": override})

    assert isinstance(spec, DesiredPin)
    assert spec.override is not None
    assert f"{spec.override.expire_time:%H:%M}" == "13:00"
