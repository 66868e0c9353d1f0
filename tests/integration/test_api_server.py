"""What the API server accepts and refuses, and what it says: the CRD, not the models alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

import operator_process
from controlplane.binaries import ensure
from controlplane.plane import ControlPlane
from namespace import Namespace
from objects import DIGEST_A, DIGEST_B, REPOSITORY, deployment, pinned_release
from operator_process import OperatorProcess
from pinnedrelease.api.crd import custom_resource_definition

pytestmark = pytest.mark.integration

DIGEST_ADVICE = 'must be "sha256:" and 64 lower-case hexadecimal digits'
REPOSITORY_ADVICE = "must be an image name without a tag"
TAG_ADVICE = "spec.tag in body should match '^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$'"
KIND_ADVICE = "CronJob is batch/v1"


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        pytest.param({"digest": DIGEST_A.upper()}, DIGEST_ADVICE, id="upper case"),
        pytest.param({"digest": "sha256:" + "A" * 64}, DIGEST_ADVICE, id="upper-case digits"),
        pytest.param({"digest": DIGEST_A[:-1]}, DIGEST_ADVICE, id="63 digits"),
        pytest.param({"digest": DIGEST_A + "a"}, DIGEST_ADVICE, id="65 digits"),
        pytest.param({"digest": DIGEST_A + "\n"}, DIGEST_ADVICE, id="trailing newline"),
        pytest.param({"digest": "sha512:" + "a" * 128}, DIGEST_ADVICE, id="sha512"),
        pytest.param({"digest": "sha256:" + "\uff11" * 64}, DIGEST_ADVICE, id="full-width digits"),
        pytest.param({"repository": "nginx:1.25"}, REPOSITORY_ADVICE, id="repository with tag"),
        pytest.param(
            {"repository": f"nginx@{DIGEST_A}"}, "must not contain a digest", id="with digest"
        ),
        pytest.param({"repository": "a//b"}, REPOSITORY_ADVICE, id="empty path component"),
        pytest.param({"repository": "example.com/Web"}, REPOSITORY_ADVICE, id="upper-case path"),
        pytest.param({"tag": 1.1}, "must be of type string", id="number as tag"),
        pytest.param({"tag": "1.0+build"}, TAG_ADVICE, id="plus in tag"),
        pytest.param({"tag": f"1.0@{DIGEST_A}"}, TAG_ADVICE, id="digest in tag"),
        pytest.param(
            {"target": {"kind": "ReplicaSet", "name": "web"}},
            'supported values: "Deployment"',
            id="unknown kind",
        ),
        pytest.param(
            {"target": {"kind": "CronJob", "name": "web"}}, KIND_ADVICE, id="CronJob in apps/v1"
        ),
        pytest.param(
            {"target": {"apiVersion": "batch/v1", "name": "web"}}, KIND_ADVICE, id="batch/v1"
        ),
        pytest.param({"target": "../../secrets/x"}, "spec.targetRef.name", id="path as name"),
        pytest.param({"timeout": "10 min"}, "spec.timeout", id="no duration"),
        pytest.param({"driftPolicy": "Fix"}, 'supported values: "Correct", "Report"', id="policy"),
        pytest.param({"revisionHistoryLimit": 0}, "greater than or equal to 1", id="no history"),
        pytest.param({"containers": ["Web"]}, "spec.containers[0]", id="container name"),
        pytest.param({"containers": [f"c{n}" for n in range(17)]}, "16 items", id="17 containers"),
        pytest.param({"containers": ["a", "a"]}, "Duplicate value", id="container twice"),
        pytest.param({"onFailure": "Retry"}, 'supported values: "Hold", "RollBack"', id="failure"),
        pytest.param(
            {"override": {"digest": DIGEST_A, "insteadOf": DIGEST_A, "reason": "x"}},
            "override.digest must differ from override.insteadOf",
            id="override to the same",
        ),
        pytest.param(
            {"override": {"digest": DIGEST_B, "insteadOf": DIGEST_A}},
            'missing required field "reason"',
            id="override without a reason",
        ),
        pytest.param(
            {"override": {"digest": "1.4.1", "insteadOf": DIGEST_A, "reason": "x"}},
            DIGEST_ADVICE,
            id="override with a tag",
        ),
        pytest.param(
            {"rejectedDigests": [{"digest": DIGEST_B, "reason": ""}]},
            "spec.rejectedDigests[0].reason",
            id="refused for no reason",
        ),
        pytest.param(
            {"rejectedDigests": [{"digest": DIGEST_B, "reason": "x"}] * 2},
            "Duplicate value",
            id="refused twice",
        ),
    ],
)
def test_a_wrong_object_is_rejected_with_advice(
    namespace: Namespace, wrong: dict[str, Any], advice: str
) -> None:
    assert advice in namespace.rejection(pinned_release(**wrong))


@pytest.mark.parametrize(
    "repository",
    [
        "nginx",
        "localhost:5000/a/b",
        "ghcr.io/acme/web",
        "docker.io/library/nginx",
        "registry.example.com:443/x/y__z",
        "[2001:db8::1]:5000/web",
        "a.b-c_d/e---f",
    ],
)
def test_every_form_of_a_repository_is_accepted(namespace: Namespace, repository: str) -> None:
    namespace.apply(pinned_release(repository=repository))


def test_the_target_cannot_be_changed(namespace: Namespace) -> None:
    namespace.apply(pinned_release())

    said = namespace.rejection(pinned_release(target="other"))

    assert "targetRef is immutable, create another PinnedRelease instead" in said


def test_a_name_of_64_characters_is_rejected(namespace: Namespace) -> None:
    assert "name must be at most 63" in namespace.rejection(pinned_release("a" * 64))


def test_a_minimal_object_gets_its_defaults(namespace: Namespace) -> None:
    namespace.apply(pinned_release())

    spec = namespace.release()["spec"]

    assert spec == {
        "repository": REPOSITORY,
        "tag": "1.0",
        "digest": DIGEST_A,
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "driftPolicy": "Correct",
        "onFailure": "Hold",
        "suspend": False,
        "timeout": "10m",
        "interval": "10m",
        "revisionHistoryLimit": 10,
    }


def test_releases_are_found_by_digest_short_name_and_category(namespace: Namespace) -> None:
    namespace.apply(pinned_release("one"), pinned_release("two", digest=DIGEST_B))

    found = namespace.kubectl(
        "get", "pinrel", "--field-selector", f"spec.digest={DIGEST_B}", "-o", "name"
    )

    assert found.split() == ["pinnedrelease.pinnedrelease.dev/two"]
    assert "one" in namespace.kubectl("get", "releases")


def test_every_field_is_explained_by_kubectl_explain(namespace: Namespace) -> None:
    shown = namespace.kubectl("explain", "pinnedreleases.spec.digest")

    assert "The authority: the digest that must run" in shown


STORED_BEFORE: dict[str, dict[str, Any]] = {
    "digits": {"digest": "sha256:" + "A" * 64},
    "short": {"digest": DIGEST_A[:-1]},
    "newline": {"digest": DIGEST_A + "\n"},
    "sha512": {"digest": "sha512:" + "a" * 128},
    "tagged": {"repository": f"{REPOSITORY}:1.0"},
    "digested": {"repository": f"{REPOSITORY}@{DIGEST_A}"},
    "number": {"tag": 1.1},
    "kind": {"target": {"kind": "ReplicaSet", "name": "kind"}},
    "cron": {"target": {"kind": "CronJob", "name": "cron"}},
}


def test_an_object_stored_before_the_rule_existed_stalls_and_is_not_written_for() -> None:
    """Validation ratcheting lets such objects live on when the schema is tightened (I-02)."""
    with ControlPlane(ensure()) as plane:
        plane.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(_without_rules()))
        plane.kubectl("wait", "--for=condition=Established", "crd", "--all")
        plane.kubectl("create", "namespace", "old")
        old = Namespace(plane, "old")
        for name, wrong in STORED_BEFORE.items():
            spec: dict[str, Any] = {"target": name, **wrong}
            old.apply(deployment(name), pinned_release(name, **spec))
        operator_process.install(plane)
        kubeconfig = plane.service_account_kubeconfig(
            operator_process.NAMESPACE, operator_process.ACCOUNT
        )

        with OperatorProcess(kubeconfig, plane.folder):
            said = {name: old.wait_stalled("InvalidSpec", name) for name in STORED_BEFORE}
            assert "lower-case" in said["digits"]
            assert "spec.tag" in said["number"]
            assert {old.image(name) for name in STORED_BEFORE} == {f"{REPOSITORY}:1.0"}

            old.apply(pinned_release("number", target="number"))
            old.wait_ready("number")
            assert old.image("number") == f"{REPOSITORY}@{DIGEST_A}"


def _without_rules() -> Any:
    """The CRD as it might have been once: every field there, nothing checked."""
    document: Any = json.loads(json.dumps(custom_resource_definition()))

    def loosen(node: Any) -> None:
        for name in ("x-kubernetes-validations", "pattern", "enum", "maxLength", "minLength"):
            node.pop(name, None)
        for child in node.get("properties", {}).values():
            loosen(child)
        if "items" in node:
            loosen(node["items"])

    schema = document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    loosen(schema)
    tag = schema["properties"]["spec"]["properties"]["tag"]
    del tag["type"]
    tag["x-kubernetes-preserve-unknown-fields"] = True
    document["spec"]["versions"][0].pop("selectableFields")
    return document


def test_the_shipped_crd_is_the_one_that_the_models_make() -> None:
    shipped = (operator_process.MANIFESTS.parent.parent / "crds" / "pinnedrelease.yaml").read_text()

    assert yaml.safe_load(shipped) == custom_resource_definition()
