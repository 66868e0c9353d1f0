"""What pods run, judged by proof, with a real registry behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import pods
from controlplane.plane import ControlPlane
from controlplane.registry import PushedImage, Registry
from namespace import Namespace, eventually, stays
from operator_process import OperatorProcess
from pinned_image import PinnedImage

pytestmark = pytest.mark.integration

AMD, ARM = "linux/amd64", "linux/arm64"
UNRELATED = "sha256:" + hashlib.sha256(b"nowhere").hexdigest()
STATUS_WRITES_LIMIT = 10
"""For a rollout of fifty pods (issue 5)."""


@pytest.fixture(scope="module")
def registry(plane: ControlPlane) -> Registry:
    return plane.start_registry()


@pytest.fixture(scope="module", autouse=True)
def operator(
    registry: Registry, operator_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    flags = (
        f"--registry-private-host={registry.address}",
        f"--registry-plain-http={registry.address}",
        "--log-level=debug",
    )
    folder = tmp_path_factory.mktemp("operator")
    with OperatorProcess(operator_kubeconfig, folder, *flags) as process:
        yield process


@pytest.fixture
def case(namespace: Namespace, registry: Registry) -> PinnedImage:
    made = PinnedImage(namespace, registry)
    made.deploy()
    return made


def pinned_index(case: PinnedImage) -> tuple[PushedImage, str]:
    """An image for two platforms, pinned by its index and proven; and the pod that runs it."""
    image = case.push(b"first", "1.0", AMD, ARM)
    case.pin(image.digest)
    case.namespace.wait_ready()
    eventually(
        lambda: len(case.namespace.release()["status"].get("proof", {}).get("platforms", [])) == 2,
        lambda: case.namespace.describe("web"),
    )
    (pod,) = pods.names(case.namespace)
    return image, pod


@pytest.mark.parametrize("platform", [AMD, ARM])
def test_a_child_of_the_declared_index_is_the_declared_content(
    case: PinnedImage, platform: str
) -> None:
    image, pod = pinned_index(case)

    pods.report_image_id(case.namespace, pod, f"{case.repository}@{image.platforms[platform]}")

    eventually(
        lambda: (
            case.namespace.release()["status"]["runningDigests"][0]["digest"]
            == image.platforms[platform]
        ),
        lambda: case.namespace.describe("web"),
    )
    assert pods.row(case.namespace) == ["1/1", "True", "Pinned"]
    assert case.namespace.condition("Drifted") == ("False", "NoDriftDetected")


def test_an_index_that_contains_the_declared_manifest_is_the_declared_content(
    case: PinnedImage,
) -> None:
    image = case.push(b"first", "1.0", AMD, ARM)
    case.pin(image.platforms[AMD])
    case.namespace.wait_ready()
    (pod,) = pods.names(case.namespace)

    pods.report_image_id(case.namespace, pod, f"{case.repository}@{image.digest}")

    eventually(
        lambda: case.namespace.release()["status"].get("proof", {}).get("same") == [image.digest],
        lambda: case.namespace.describe("web"),
    )
    pods.wait_row(case.namespace, "1/1", "True", "Pinned")


def test_a_pod_that_was_set_apart_is_no_pod_of_the_workload(case: PinnedImage) -> None:
    """It stayed in the count, and after the next digest it was a mismatch, even when deleted."""
    first, pod = pinned_index(case)
    case.namespace.kubectl("label", "pod", pod, "app=debug", "--overwrite")
    eventually(
        lambda: pods.names(case.namespace) not in ([], [pod]),
        lambda: case.namespace.describe("web"),
    )

    pods.wait_row(case.namespace, "1/1", "True", "Pinned")
    second = case.push(b"second", "2.0", AMD, ARM)
    case.pin(second.digest, "2.0")
    case.namespace.wait_ready()

    assert first.digest != second.digest
    assert stays(lambda: pods.row(case.namespace) == ["1/1", "True", "Pinned"], 5)
    counts = case.namespace.release()["status"]["pods"]
    assert (counts["current"], counts["mismatched"], counts["unknown"]) == (1, 0, 0)


def test_the_name_of_a_mirror_does_not_matter(case: PinnedImage) -> None:
    image, pod = pinned_index(case)

    pods.report_image_id(
        case.namespace, pod, f"docker-pullable://mirror.example.com/other/name@{image.digest}"
    )

    assert stays(lambda: pods.row(case.namespace) == ["1/1", "True", "Pinned"], 2)


def test_foreign_content_is_told_with_pod_and_node_and_what_to_do(case: PinnedImage) -> None:
    _, pod = pinned_index(case)
    other = case.push(b"second", "dev")

    pods.report_image_id(case.namespace, pod, f"{case.repository}@{other.digest}")

    pods.wait_row(case.namespace, "0/1", "False", "PodsMismatch")
    text = pods.message(case.namespace)
    assert f"kubectl delete pod {pod}" in text
    assert other.digest in text
    assert case.namespace.condition("Drifted") == ("True", "PodsMismatch")
    status = case.namespace.release()["status"]
    assert status["pods"] == {
        "desired": 1, "current": 1, "matching": 0, "mismatched": 1, "unknown": 0,
    }  # fmt: skip
    assert status["runningDigests"] == [{"digest": other.digest, "pods": 1, "samplePods": [pod]}]
    (record,) = status["drift"]
    assert record["kind"] == "PodImage"
    assert pod in record["subject"]
    assert "node-" in record["subject"]
    assert "DriftDetected" in case.namespace.events()


def test_a_pod_that_is_replaced_ends_its_drift(case: PinnedImage) -> None:
    _, pod = pinned_index(case)
    other = case.push(b"second", "dev")
    pods.report_image_id(case.namespace, pod, f"{case.repository}@{other.digest}")
    pods.wait_row(case.namespace, "0/1", "False", "PodsMismatch")

    case.namespace.kubectl("delete", "pod", pod)

    pods.wait_row(case.namespace, "1/1", "True", "Pinned")
    (record,) = case.namespace.release()["status"]["drift"]
    assert record["correctTime"] >= record["detectTime"]


def test_kubectl_set_image_on_a_pod_is_told_with_its_author(case: PinnedImage) -> None:
    _, pod = pinned_index(case)
    other = case.push(b"second", "dev")

    case.namespace.kubectl("set", "image", f"pod/{pod}", f"web={case.repository}@{other.digest}")

    pods.wait_row(case.namespace, "0/1", "False", "PodsMismatch")
    (record,) = case.namespace.release()["status"]["drift"]
    assert record["actor"] == "kubectl-set"


def test_a_digest_that_no_registry_knows_is_unknown_and_no_drift(case: PinnedImage) -> None:
    _, pod = pinned_index(case)

    pods.report_image_id(case.namespace, pod, f"{case.repository}@{UNRELATED}")

    pods.wait_row(case.namespace, "0/1", "True", "Pinned")
    assert "cannot be proven" in pods.message(case.namespace)
    assert case.namespace.release()["status"]["pods"]["unknown"] == 1
    assert case.namespace.release()["status"]["drift"] == []


def test_an_empty_image_id_is_unknown_and_no_drift(case: PinnedImage) -> None:
    _, pod = pinned_index(case)

    pods.report_image_id(case.namespace, pod, "")

    pods.wait_row(case.namespace, "0/1", "True", "Pinned")
    assert "do not report what they run" in pods.message(case.namespace)
    assert case.namespace.condition("Drifted") == ("False", "NoDriftDetected")


@pytest.mark.parametrize("spelling", ["{}", "docker://{}", "bare hex"])
def test_the_configuration_of_the_declared_image_is_the_declared_content(
    case: PinnedImage, spelling: str
) -> None:
    image, pod = pinned_index(case)
    config = image.configs[AMD]
    spelled = config.removeprefix("sha256:") if spelling == "bare hex" else spelling.format(config)

    pods.report_image_id(case.namespace, pod, spelled)

    eventually(
        lambda: case.namespace.release()["status"]["runningDigests"][0]["digest"] == config,
        lambda: case.namespace.describe("web"),
    )
    pods.wait_row(case.namespace, "1/1", "True", "Pinned")


def test_the_configuration_of_other_content_is_drift(case: PinnedImage) -> None:
    _, pod = pinned_index(case)

    pods.report_image_id(case.namespace, pod, UNRELATED)

    pods.wait_row(case.namespace, "0/1", "False", "PodsMismatch")


def test_verdicts_outlive_the_registry_and_the_operator(
    case: PinnedImage, registry: Registry, operator: OperatorProcess
) -> None:
    image, pod = pinned_index(case)
    registry.stop()
    try:
        operator.restart()

        pods.report_image_id(case.namespace, pod, f"{case.repository}@{image.platforms[ARM]}")

        eventually(
            lambda: (
                case.namespace.release()["status"]["runningDigests"][0]["digest"]
                == image.platforms[ARM]
            ),
            lambda: case.namespace.describe("web"),
        )
        pods.wait_row(case.namespace, "1/1", "True", "Pinned")
    finally:
        registry.start_again()
