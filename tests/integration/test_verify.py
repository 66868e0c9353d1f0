"""``pinrel verify``: what it sees without any operator."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from controlplane.plane import ControlPlane
from controlplane.registry import Registry
from namespace import Namespace, eventually
from objects import DIGEST_A, DIGEST_B, REPOSITORY, deployment, pinned_release
from pinned_image import PinnedImage
from pinrel import Said, pinrel

pytestmark = pytest.mark.integration

NO_REGISTRY = {"check": "None"}


@pytest.fixture(scope="module")
def registry(plane: ControlPlane) -> Registry:
    return plane.start_registry()


@pytest.fixture
def case(namespace: Namespace, registry: Registry) -> PinnedImage:
    return PinnedImage(namespace, registry)


def run_pods(case: PinnedImage, image: str) -> None:
    """Deploy an image and wait until its pod reports it."""
    case.namespace.apply(deployment(images={"web": image}))
    eventually(
        lambda: image.rpartition("@")[2] in _image_ids(case.namespace),
        lambda: case.namespace.kubectl("get", "pods", "-o", "yaml"),
    )


def _image_ids(namespace: Namespace) -> str:
    return namespace.kubectl(
        "get", "pods", "-o", "jsonpath={.items[*].status.containerStatuses[*].imageID}"
    )


def answers(said: Said) -> dict[str, str]:
    """Check -> answer, of the one PinnedRelease."""
    (found,) = json.loads(said.out)
    return {one["check"]: one["answer"] for one in found["checks"]}


def verify(namespace: Namespace, *arguments: str) -> Said:
    return pinrel("verify", *arguments, namespace=namespace)


def test_what_is_as_declared_is_told_with_its_grounds(case: PinnedImage) -> None:
    pushed = case.push(b"first")
    run_pods(case, f"{case.repository}@{pushed.digest}")
    case.pin(pushed.digest)

    said = verify(case.namespace, "web", "--no-headers")

    short = pushed.digest.removeprefix("sha256:")[:12]
    rows = [line.split(maxsplit=4)[2:] for line in said.out.splitlines()]
    assert (said.code, said.err) == (0, "")
    assert rows == [
        ["pair", "same", f"1.0 (sha256:{short}) is in force, as declared"],
        ["template", "same", f"Deployment/web has {case.repository}@{pushed.digest} in web"],
        ["pods", "same", "1 of 1 pods run it"],
        ["digest", "same", f"{case.repository} has {pushed.digest} (1.0)"],
        ["tag", "same", "tag 1.0 points at the declared digest"],
    ]


def test_a_platform_of_the_declared_index_is_the_same_content(case: PinnedImage) -> None:
    index = case.push(b"x", "1.0", "linux/amd64", "linux/arm64")
    run_pods(case, f"{case.repository}@{index.platforms['linux/amd64']}")
    case.pin(index.digest)

    said = verify(case.namespace, "-o", "json")

    assert said.code == 1
    assert answers(said) == {
        "pair": "same",
        "template": "differs",
        "pods": "same",
        "digest": "same",
        "tag": "same",
    }


def test_every_difference_is_told_with_code_1(case: PinnedImage) -> None:
    declared, other = case.push(b"declared"), case.push(b"other", "2.0")
    run_pods(case, f"{case.repository}@{other.digest}")
    case.pin(declared.digest)
    case.push(b"moved")

    said = verify(case.namespace, "web", "-o", "json")

    assert said.code == 1
    assert answers(said) == {
        "pair": "same",
        "template": "differs",
        "pods": "differs",
        "digest": "same",
        "tag": "differs",
    }
    text = verify(case.namespace, "web").out
    assert "web    template   DIFFERS   container web: " in text
    assert "(by kubectl-client-side-apply)" in text


def test_a_digest_that_is_gone_differs(case: PinnedImage) -> None:
    pushed = case.push(b"first")
    run_pods(case, f"{case.repository}@{pushed.digest}")
    case.pin(pushed.digest)
    case.registry.delete(case.path, pushed.digest)

    said = verify(case.namespace, "-o", "json")

    assert said.code == 1
    assert answers(said)["digest"] == "differs"
    assert answers(said)["pods"] == "same"


def test_what_cannot_be_told_is_code_3(namespace: Namespace) -> None:
    image = f"127.0.0.1:1/team/web@{DIGEST_A}"
    namespace.apply(
        deployment(images={"web": image}),
        pinned_release(repository="127.0.0.1:1/team/web"),
    )

    silent = verify(namespace, "--no-pods", "-o", "json")
    unasked = verify(namespace, "--no-pods", "--no-registry", "-o", "json")

    assert silent.code == 3
    assert answers(silent) == {
        "pair": "same",
        "template": "same",
        "pods": "skipped",
        "digest": "unknown",
        "tag": "unknown",
    }
    assert unasked.code == 0
    assert answers(unasked)["digest"] == "skipped"


def test_a_file_is_verified_before_it_is_applied(namespace: Namespace, tmp_path: Path) -> None:
    namespace.apply(deployment(images={"web": f"{REPOSITORY}:1.0@{DIGEST_A}"}))
    file = tmp_path / "web.yaml"
    release = pinned_release(registry=NO_REGISTRY)
    file.write_text(yaml.safe_dump(release))

    same = verify(namespace, "-f", str(file), "--no-pods")
    file.write_text(yaml.safe_dump(pinned_release(digest=DIGEST_B, registry=NO_REGISTRY)))
    differs = verify(namespace, "-f", str(file), "--no-pods", "-o", "name")

    assert same.code == 0, same.out
    assert differs == Said(code=1, out="pinnedrelease.pinnedrelease.dev/web\n", err="")


def test_a_missing_target_and_a_stored_mistake_differ(namespace: Namespace) -> None:
    namespace.apply(pinned_release(target="nowhere", registry=NO_REGISTRY))

    said = verify(namespace, "-o", "json")

    assert said.code == 1
    assert answers(said) == {"template": "differs"}


def test_nothing_to_verify_is_not_a_yes(namespace: Namespace) -> None:
    said = verify(namespace)

    assert (said.code, said.out) == (1, "")
    assert "so nothing was verified" in said.err


def test_unknown_names_are_told_with_a_near_one(namespace: Namespace) -> None:
    namespace.apply(pinned_release("checkout", registry=NO_REGISTRY))

    said = verify(namespace, "chekout")

    assert (said.code, said.out) == (1, "")
    assert "did you mean checkout?" in said.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("-A", "web"), 2, "leave names and files out"),
        (("-f", "none.yaml"), 2, "none.yaml cannot be read"),
        (("web", "--kubeconfig", "/nowhere/x"), 3, "no cluster to talk to"),
    ],
)
def test_wrong_usage_is_told(
    namespace: Namespace, arguments: tuple[str, ...], code: int, message: str
) -> None:
    said = verify(namespace, *arguments)

    assert (said.code, said.out) == (code, "")
    assert message in said.err


def test_somebody_who_may_not_read_is_told_what(namespace: Namespace) -> None:
    namespace.apply(pinned_release(registry=NO_REGISTRY))
    namespace.kubectl("create", "serviceaccount", "guest")
    kubeconfig = namespace.cluster.service_account_kubeconfig(namespace.name, "guest")

    said = pinrel("verify", "-n", namespace.name, "--kubeconfig", str(kubeconfig))

    assert (said.code, said.out) == (3, "")
    assert "403" in said.err
    assert "pinnedreleases" in said.err


def test_the_whole_cluster_is_verified_at_once(namespace: Namespace) -> None:
    image = f"{REPOSITORY}@{DIGEST_A}"
    namespace.apply(deployment(images={"web": image}), pinned_release(registry=NO_REGISTRY))
    environment = {"KUBECONFIG": str(namespace.cluster.admin_kubeconfig)}

    said = pinrel("verify", "-A", "--no-registry", "-o", "json", environment=environment)

    found = {one["namespace"]: one for one in json.loads(said.out)}
    assert found[namespace.name]["name"] == "web"
    checks = {one["check"]: one["answer"] for one in found[namespace.name]["checks"]}
    assert checks["template"] == "same"
