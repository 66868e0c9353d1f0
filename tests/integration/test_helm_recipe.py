"""The recipe for users' own charts: each upgrade is one write of the image, whoever decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from helm_command import Helm
from namespace import Namespace
from objects import DIGEST_A, DIGEST_B, DIGEST_C

# The first run builds Helm.
pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("operator"),
]

CHART = Path(__file__).parents[2] / "integrations" / "helm" / "example"
REPOSITORY = "registry.example.com/my-api"
RELEASE = "my-api"


@pytest.fixture
def helm(namespace: Namespace, tmp_path: Path) -> Helm:
    return Helm(tmp_path, namespace.cluster.admin_kubeconfig)


def upgrade(
    helm: Helm, namespace: Namespace, digest: str, tag: str, policy: str, *flags: str
) -> None:
    values = f"image.digest={digest},image.tag={tag},driftPolicy={policy}"
    helm(
        "upgrade", "--install", RELEASE, str(CHART), "-n", namespace.name, "--wait",
        "--timeout=300s", "--set-string", values, *flags,
    )  # fmt: skip
    namespace.wait_ready(RELEASE)
    assert namespace.image(RELEASE) == f"{REPOSITORY}@{digest}"


def template_writes(namespace: Namespace) -> int:
    """How often the Deployment's spec has been another one since it was made, and once for that."""
    generation: int = namespace.get("deploy", RELEASE)["metadata"]["generation"]
    return generation


@pytest.mark.parametrize("policy", ["Correct", "Report"])
@pytest.mark.parametrize("way", ["--server-side=true", "--server-side=false"])
def test_every_upgrade_writes_the_image_once_and_goes_through(
    helm: Helm, namespace: Namespace, policy: str, way: str
) -> None:
    for number, digest in enumerate((DIGEST_A, DIGEST_B, DIGEST_C), start=1):
        upgrade(helm, namespace, digest, f"1.{number}", policy, way)
        assert template_writes(namespace) == number

    assert [(action, result) for _, _, action, result in namespace.history(RELEASE)] == [
        ("Promote", "Succeeded"), ("Promote", "Succeeded"), ("Initial", "Succeeded"),
    ]  # fmt: skip


def test_where_the_release_decides_an_upgrade_is_no_drift_and_drift_is_corrected(
    helm: Helm, namespace: Namespace
) -> None:
    upgrade(helm, namespace, DIGEST_A, "1.1", "Correct")
    upgrade(helm, namespace, DIGEST_B, "1.2", "Correct")
    assert namespace.release(RELEASE)["status"].get("drift", []) == []

    namespace.kubectl("set", "image", f"deploy/{RELEASE}", f"my-api={REPOSITORY}:dev")
    namespace.wait_image(f"{REPOSITORY}@{DIGEST_B}", RELEASE)

    upgrade(helm, namespace, DIGEST_C, "1.3", "Correct")
    (incident,) = namespace.release(RELEASE)["status"]["drift"]
    assert incident["actor"] == "kubectl-set"


def test_where_helm_decides_its_rollback_is_a_rollback(helm: Helm, namespace: Namespace) -> None:
    upgrade(helm, namespace, DIGEST_A, "1.1", "Report")
    upgrade(helm, namespace, DIGEST_B, "1.2", "Report")

    helm("rollback", RELEASE, "1", "-n", namespace.name, "--wait", "--timeout=300s")
    namespace.wait_ready(RELEASE)

    assert namespace.image(RELEASE) == f"{REPOSITORY}@{DIGEST_A}"
    assert namespace.history(RELEASE)[0] == (3, DIGEST_A, "Rollback", "Succeeded")


def test_where_the_release_decides_helm_says_that_its_rollback_is_in_the_way(
    helm: Helm, namespace: Namespace
) -> None:
    upgrade(helm, namespace, DIGEST_A, "1.1", "Correct")
    upgrade(helm, namespace, DIGEST_B, "1.2", "Correct")
    upgrade(helm, namespace, DIGEST_C, "1.3", "Correct")

    said = helm("rollback", RELEASE, "1", "-n", namespace.name, check=False)

    assert 'conflict with "pinnedrelease-controller"' in said
    upgrade(helm, namespace, DIGEST_A, "1.1", "Correct")
    assert namespace.history(RELEASE)[0] == (4, DIGEST_A, "Rollback", "Succeeded")
