"""The Helm chart: the same objects as kustomize renders, and a working installation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import pinnedrelease
from controlplane.binaries import ensure
from controlplane.plane import ControlPlane
from helm_command import Helm
from namespace import Namespace
from objects import DIGEST_A, REPOSITORY, deployment, pinned_release
from operator_process import ACCOUNT, NAMESPACE, OperatorProcess

# The first run builds Helm.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
CHART = ROOT / "integrations" / "helm" / "pinnedrelease"
MANIFESTS = ROOT / "manifests"
IMAGE_REPOSITORY = "registry.example.com/pinnedrelease"
IMAGE = f"{IMAGE_REPOSITORY}@{DIGEST_A}"
NAMED = ("--set", f"image.repository={IMAGE_REPOSITORY},image.digest={DIGEST_A}")
INSTALL = ("upgrade", "--install", "pinnedrelease", str(CHART), "-n", NAMESPACE, *NAMED)

Objects = dict[tuple[str, str | None, str], Any]


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A control plane on which nothing of ours is installed yet."""
    with ControlPlane(ensure()) as plane:
        yield plane


@pytest.fixture(scope="module")
def helm(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(tmp_path_factory.mktemp("helm"), plane.admin_kubeconfig)


def by_identity(text: str) -> Objects:
    found = {}
    for one in yaml.safe_load_all(text):
        if one is not None:
            metadata = one["metadata"]
            found[one["kind"], metadata.get("namespace"), metadata["name"]] = one
    return found


def templated(helm: Helm, *settings: str, namespace: str = NAMESPACE) -> Objects:
    return by_identity(
        helm("template", "pinnedrelease", str(CHART), "-n", namespace, *NAMED, *settings)
    )


def kustomized(plane: ControlPlane, folder: Path) -> Objects:
    """What kustomize renders, with the image named, and without the namespace: Helm makes it."""
    objects = by_identity(plane.kubectl("kustomize", str(folder)).stdout)
    for kind, namespace, name in list(objects):
        if kind == "Namespace":
            del objects[kind, namespace, name]
        if kind == "Deployment":
            pod = objects[kind, namespace, name]["spec"]["template"]["spec"]
            assert pod["containers"][0]["image"] == "pinnedrelease"
            pod["containers"][0]["image"] = IMAGE
    return objects


def overlay(tmp_path: Path, *components: str, base: str = "base", namespace: str = "") -> Path:
    """A base with components, in an overlay of its own."""
    # kustomize takes relative paths only.
    up = "../" * (len(tmp_path.resolve().parts) - 1)
    paths = [f"{up}{(MANIFESTS / name).relative_to('/')}" for name in (base, *components)]
    kustomization = {"resources": paths[:1], "components": paths[1:]}
    (tmp_path / "kustomization.yaml").write_text(
        yaml.safe_dump(kustomization | ({"namespace": namespace} if namespace else {}))
    )
    return tmp_path


def test_helm_finds_nothing_to_complain_about(helm: Helm) -> None:
    said = helm("lint", "--strict", str(CHART), *NAMED)

    assert "1 chart(s) linted, 0 chart(s) failed" in said


def test_chart_and_program_have_one_version(helm: Helm) -> None:
    chart = yaml.safe_load(helm("show", "chart", str(CHART)))

    assert (chart["version"], chart["appVersion"]) == (pinnedrelease.__version__,) * 2


@pytest.mark.parametrize(
    ("name", "original"),
    [
        ("crd.yaml", "crds/pinnedrelease.yaml"),
        ("service-monitor.yaml", "manifests/components/prometheus-operator/service-monitor.yaml"),
        ("prometheus-rule.yaml", "manifests/components/prometheus-operator/prometheus-rule.yaml"),
        ("pod-monitor.yaml", "manifests/components/pod-monitor/pod-monitor.yaml"),
        ("pinnedrelease.json", "manifests/components/grafana/pinnedrelease.json"),
    ],
)
def test_the_chart_carries_files_of_the_manifests_as_they_are(name: str, original: str) -> None:
    expected = (ROOT / original).read_bytes()

    assert (CHART / "files" / name).read_bytes() == expected, "run make chart"


def test_with_defaults_the_objects_are_those_of_the_base(plane: ControlPlane, helm: Helm) -> None:
    objects = templated(helm)

    (crd,) = (one for one in objects.values() if one["kind"] == "CustomResourceDefinition")
    assert crd["metadata"]["annotations"].pop("helm.sh/resource-policy") == "keep"
    assert objects == kustomized(plane, MANIFESTS / "base")


@pytest.mark.parametrize(
    ("settings", "components"),
    [
        (["readPullSecrets=true"], ["pull-secrets"]),
        (["networkPolicy.enabled=true"], ["network-policy"]),
        (["metrics=true"], ["monitoring"]),
        (["networkPolicy.enabled=true", "metrics=true"], ["network-policy", "monitoring"]),
        (
            ["metrics=true", "monitoring.serviceMonitor=true", "monitoring.alerts=true"],
            ["monitoring", "prometheus-operator"],
        ),
        (["metrics=true", "monitoring.podMonitor=true"], ["monitoring", "pod-monitor"]),
        (["monitoring.dashboard=true"], ["grafana"]),
    ],
)
def test_an_option_adds_what_its_component_adds(
    plane: ControlPlane, helm: Helm, tmp_path: Path, settings: list[str], components: list[str]
) -> None:
    folder = overlay(tmp_path, *(f"components/{name}" for name in components))

    objects = templated(helm, "--set", ",".join([*settings, "crds.keep=false"]))

    assert objects == kustomized(plane, folder)


@pytest.mark.parametrize(
    ("settings", "name", "namespace"),
    [
        ("highAvailability=true,crds.keep=false", "ha", NAMESPACE),
        ("metrics=true,networkPolicy.enabled=true,crds.keep=false", "monitoring", NAMESPACE),
        ("singleNamespace=true,crds.install=false", "single-namespace", "default"),
    ],
)
def test_an_option_gives_what_its_overlay_gives(
    plane: ControlPlane, helm: Helm, settings: str, name: str, namespace: str
) -> None:
    objects = templated(helm, "--set", settings, namespace=namespace)

    assert objects == kustomized(plane, MANIFESTS / "overlays" / name)


def test_roles_for_people_are_the_shipped_ones(plane: ControlPlane, helm: Helm) -> None:
    with_roles = templated(helm, "--set", "roles=true")

    added = {key: one for key, one in with_roles.items() if key not in templated(helm)}
    assert added == by_identity(plane.kubectl("kustomize", str(MANIFESTS / "roles")).stdout)


def test_one_namespace_means_no_object_of_the_whole_cluster(
    plane: ControlPlane, helm: Helm, tmp_path: Path
) -> None:
    everything = (
        "singleNamespace=true,crds.install=false,metrics=true,networkPolicy.enabled=true,"
        "highAvailability=true,readPullSecrets=true"
    )
    components = ("network-policy", "monitoring", "pull-secrets", "single-namespace")
    folder = overlay(
        tmp_path, *(f"components/{name}" for name in components), base="overlays/ha",
        namespace="shop",
    )  # fmt: skip

    objects = templated(helm, "--set", everything, namespace="shop")

    assert {namespace for _, namespace, _ in objects} == {"shop"}
    assert objects == kustomized(plane, folder)


def test_monitors_and_alerts_get_the_labels_that_a_prometheus_selects_by(helm: Helm) -> None:
    objects = templated(
        helm,
        "--set", "metrics=true,monitoring.serviceMonitor=true,monitoring.alerts=true",
        "--set", "monitoring.labels.release=kube-prometheus-stack",
    )  # fmt: skip

    labelled = {
        kind
        for (kind, _, _), one in objects.items()
        if one["metadata"].get("labels", {}).get("release") == "kube-prometheus-stack"
    }
    assert labelled == {"ServiceMonitor", "PrometheusRule"}


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ((), "image.repository is required"),
        (("--set", "image.repository=registry.example.com/pinnedrelease"), "image.digest is"),
        ((*NAMED, "--set", "image.digest=latest"), "/image/digest"),
        ((*NAMED, "--set", "metric=true"), "'metric' not allowed"),
        ((*NAMED, "--set", "singleNamespace=shop"), "/singleNamespace"),
        ((*NAMED, "--set", "monitoring.podMonitor=true"), "metrics=true"),
        ((*NAMED, "--set", "networkPolicy.egressPorts={}"), "/networkPolicy/egressPorts"),
    ],
)
def test_a_value_that_would_not_work_is_refused(
    helm: Helm, settings: tuple[str, ...], complaint: str
) -> None:
    said = helm("template", "pinnedrelease", str(CHART), *settings, check=False)

    assert complaint in said


def test_values_for_the_pod_reach_the_pod(helm: Helm) -> None:
    objects = templated(
        helm,
        "--set", "image.tag=0.1.0,image.pullPolicy=Always,imagePullSecrets[0].name=corp",
        "--set", "extraArgs[0]=--registry-plain-http=registry.corp:5000",
        "--set", "nodeSelector.pool=system,podAnnotations.team=platform",
        "--set", "tolerations[0].operator=Exists,affinity.nodeAffinity=null",
        "--set", "resources.limits.memory=1Gi",
        "--set", "extraEnv[0].name=OTEL_SERVICE_NAME,extraEnv[0].value=pins",
        "--set", "extraVolumes[0].name=ca,extraVolumes[0].configMap.name=corporate-ca",
        "--set", "extraVolumeMounts[0].name=ca,extraVolumeMounts[0].mountPath=/etc/registry",
    )  # fmt: skip

    template = objects["Deployment", NAMESPACE, ACCOUNT]["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert container["image"] == IMAGE.replace("@", ":0.1.0@")
    assert container["imagePullPolicy"] == "Always"
    assert container["args"][-1] == "--registry-plain-http=registry.corp:5000"
    assert container["resources"]["limits"] == {"memory": "1Gi"}
    assert template["metadata"]["annotations"] == {"team": "platform"}
    assert template["spec"]["imagePullSecrets"] == [{"name": "corp"}]
    assert template["spec"]["nodeSelector"] == {"pool": "system"}
    assert template["spec"]["tolerations"] == [{"operator": "Exists"}]
    assert container["env"][-1] == {"name": "OTEL_SERVICE_NAME", "value": "pins"}
    assert container["volumeMounts"] == [{"name": "ca", "mountPath": "/etc/registry"}]
    assert template["spec"]["volumes"] == [{"name": "ca", "configMap": {"name": "corporate-ca"}}]


def test_other_ports_than_the_usual_ones_are_let_out(helm: Helm) -> None:
    settings = "networkPolicy.enabled=true,networkPolicy.egressPorts={443,8443,5000}"

    objects = templated(helm, "--set", settings)

    (rule,) = objects["NetworkPolicy", NAMESPACE, ACCOUNT]["spec"]["egress"][1:]
    assert [one["port"] for one in rule["ports"]] == [443, 8443, 5000]


def test_installed_upgraded_and_removed_it_leaves_every_release_as_it_is(
    plane: ControlPlane, helm: Helm, tmp_path: Path
) -> None:
    namespace = Namespace(plane, "shop")
    plane.kubectl("create", "namespace", namespace.name)

    helm(*INSTALL, "--create-namespace", "--wait", "--timeout=300s")
    plane.kubectl("wait", "--for=condition=Established", "crd/pinnedreleases.pinnedrelease.dev")
    with OperatorProcess(plane.service_account_kubeconfig(NAMESPACE, ACCOUNT), tmp_path):
        namespace.apply(deployment(), pinned_release(registry={"check": "None"}))
        namespace.wait_ready()
    helm(*INSTALL, "--set", "highAvailability=true,metrics=true,networkPolicy.enabled=true")
    helm("uninstall", "pinnedrelease", "-n", NAMESPACE, "--wait")

    assert namespace.image() == f"{REPOSITORY}@{DIGEST_A}"
    assert namespace.condition("Ready") == ("True", "Pinned")
    assert "No resources found" in plane.kubectl("get", "deploy", "-n", NAMESPACE).stderr


def test_what_kubectl_has_installed_helm_takes_over(plane: ControlPlane, helm: Helm) -> None:
    plane.kubectl("apply", "--server-side", "-k", str(MANIFESTS / "base"))

    helm(*INSTALL, "--take-ownership", "--force-conflicts", "--wait", "--timeout=300s")

    (found,) = Namespace(plane, NAMESPACE).images(ACCOUNT)
    assert found == ("controller", IMAGE)
    helm("uninstall", "pinnedrelease", "-n", NAMESPACE, "--wait")
