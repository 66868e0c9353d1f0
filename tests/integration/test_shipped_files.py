"""Every YAML that people copy is accepted by the real API server."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml

from admission_cluster import skip_without_mutating_policies
from manifests_file import rendered
from namespace import Namespace
from objects import DIGEST_A, REPOSITORY, deployment, pinned_release
from operator_process import ACCOUNT, OperatorProcess

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_an_example_is_accepted(namespace: Namespace, path: Path) -> None:
    namespace.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", str(path))


def test_the_readme_shows_the_minimal_example() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)

    assert yaml.safe_load(blocks[0]) == yaml.safe_load((ROOT / "examples/minimal.yaml").read_text())


def test_the_manifests_are_accepted_and_the_pod_is_restricted(namespace: Namespace) -> None:
    applied = namespace.cluster.kubectl(
        "apply", "--server-side", "--dry-run=server", "--validate=strict", "-k",
        str(ROOT / "manifests" / "base"),
    )  # fmt: skip

    assert "deployment.apps/pinnedrelease-controller" in applied.stdout
    assert "would violate PodSecurity" not in applied.stderr


KUSTOMIZATIONS = sorted(
    path.parent
    for folder in ("manifests", "examples")
    for path in (ROOT / folder).rglob("kustomization.yaml")
    # They need an API server that serves more kinds: see test_admission.py, test_monitoring.py.
    if "kind: Component" not in path.read_text()
    and path.parent.name not in ("pin-v1beta1", "prometheus-operator")
)


@pytest.mark.parametrize("path", KUSTOMIZATIONS, ids=[path.name for path in KUSTOMIZATIONS])
def test_every_way_to_install_is_accepted(namespace: Namespace, path: Path) -> None:
    if any("kind: MutatingAdmissionPolicy\n" in one.read_text() for one in path.glob("*.yaml")):
        skip_without_mutating_policies(namespace.cluster)
    namespace.cluster.kubectl(
        "apply", "--server-side", "--dry-run=server", "--validate=strict", "-k", str(path)
    )


def test_the_older_version_of_pin_differs_in_its_version_alone() -> None:
    now, before = (
        (ROOT / "manifests" / "admission" / name / "policies.yaml").read_text()
        for name in ("pin", "pin-v1beta1")
    )

    assert before == now.replace("k8s.io/v1\n", "k8s.io/v1beta1\n")


def test_components_fit_the_base(namespace: Namespace, tmp_path: Path) -> None:
    for name in ("base", "components"):
        shutil.copytree(ROOT / "manifests" / name, tmp_path / "manifests" / name)
    shutil.copytree(ROOT / "crds", tmp_path / "crds")
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    components = [
        path.name
        for path in (ROOT / "manifests" / "components").iterdir()
        # The first two need kinds of the Prometheus operator, the last one takes things away.
        if path.name not in ("prometheus-operator", "pod-monitor", "single-namespace")
    ]
    (overlay / "kustomization.yaml").write_text(
        yaml.safe_dump(
            {
                "resources": ["../manifests/base"],
                "components": [f"../manifests/components/{name}" for name in components],
            }
        )
    )

    applied = namespace.cluster.kubectl(
        "apply", "--server-side", "--dry-run=server", "--validate=strict", "-k", str(overlay)
    )

    assert "networkpolicy.networking.k8s.io/pinnedrelease-controller" in applied.stdout
    assert "clusterrolebinding.rbac.authorization.k8s.io/pinnedrelease-pull-secrets" in (
        applied.stdout
    )


def test_shards_serve_metrics_too(namespace: Namespace, tmp_path: Path) -> None:
    """A StatefulSet was passed over: a Service, and nothing behind it."""
    up = "../" * (len(tmp_path.resolve().parts) - 1)
    manifests = f"{up}{(ROOT / 'manifests').relative_to('/')}"
    kustomization = {
        "resources": [f"{manifests}/overlays/sharded"],
        "components": [f"{manifests}/components/monitoring"],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))

    text = namespace.cluster.kubectl("kustomize", str(tmp_path)).stdout

    (shards,) = (one for one in yaml.safe_load_all(text) if one["kind"] == "StatefulSet")
    (container,) = shards["spec"]["template"]["spec"]["containers"]
    assert "--metrics-port=9090" in container["args"]
    assert {"name": "metrics", "containerPort": 9090} in container["ports"]


def test_an_installation_runs_the_image_that_is_named(namespace: Namespace) -> None:
    text = namespace.cluster.kubectl("kustomize", str(ROOT / "examples" / "install")).stdout

    (one,) = (one for one in yaml.safe_load_all(text) if one["kind"] == "Deployment")
    (container,) = one["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith("registry.example.com/pinnedrelease@sha256:")


def test_the_one_file_is_what_the_base_renders(namespace: Namespace) -> None:
    text = (ROOT / "manifests" / "install.yaml").read_text()

    assert text == rendered(namespace.cluster.kubectl_path), "run make manifests"


def test_with_roles_of_one_namespace_the_operator_works_there(
    namespace: Namespace, tmp_path: Path
) -> None:
    overlay = ROOT / "manifests" / "overlays" / "single-namespace"
    text = namespace.cluster.kubectl("kustomize", str(overlay)).stdout
    objects = list(yaml.safe_load_all(text))
    assert {one["kind"] for one in objects} == {
        "Deployment", "Role", "RoleBinding", "ServiceAccount",
    }  # fmt: skip
    kept = [one for one in objects if one["kind"] != "Deployment"]
    moved = yaml.safe_dump_all(kept).replace("namespace: default", f"namespace: {namespace.name}")
    namespace.kubectl("apply", "--server-side", "-f", "-", stdin=moved)
    kubeconfig = namespace.cluster.service_account_kubeconfig(namespace.name, ACCOUNT)

    with OperatorProcess(kubeconfig, tmp_path, f"--namespace={namespace.name}"):
        namespace.apply(deployment(), pinned_release(registry={"check": "None"}))
        namespace.wait_ready()

    assert namespace.image() == f"{REPOSITORY}@{DIGEST_A}"


def test_the_operators_role_has_no_right_that_it_must_not_have() -> None:
    role = yaml.safe_load((ROOT / "manifests" / "base" / "cluster-role.yaml").read_text())

    for rule in role["rules"]:
        assert not {"*", "create", "delete", "update"} & set(rule["verbs"]) or rule == {
            "apiGroups": [""],
            "resources": ["events"],
            "verbs": ["create"],
        }
        assert "secrets" not in rule["resources"]
