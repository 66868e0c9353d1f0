"""Alerts and the dashboard's queries in Prometheus' own engine; what ships on its own CRDs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

import kube_state_metrics
from controlplane.cluster import Cluster
from metrics_worlds import counted_everything
from namespace import Namespace
from objects import DIGEST_A, REPOSITORY, deployment, pinned_release
from prometheus_operator import crds
from promtool import tool
from unit.monitoring.test_alerts import RULES
from unit.monitoring.test_dashboard import TARGETS

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "promtool" / "alerts.yaml"
OVERLAY = ROOT / "manifests" / "overlays" / "prometheus-operator"


@pytest.fixture(scope="session")
def promtool() -> Path:
    return tool.ensure()


def run(program: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program), *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def rules() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(RULES.read_text())["spec"]
    return content


def played(promtool: Path, folder: Path, shipped: dict[str, Any]) -> str:
    """What promtool says of the cases; nothing when all is as expected."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(shipped))
    (folder / CASES.name).write_text(CASES.read_text())
    result = run(promtool, folder, "test", "rules", CASES.name)
    return "" if result.returncode == 0 else result.stdout + result.stderr


def test_each_alert_fires_when_it_should_and_not_otherwise(promtool: Path, tmp_path: Path) -> None:
    assert played(promtool, tmp_path, rules()) == ""


def test_the_cases_notice_an_alert_that_is_quiet(promtool: Path, tmp_path: Path) -> None:
    shipped = rules()
    shipped["groups"][0]["rules"][0]["expr"] += " > 1"
    silenced = shipped["groups"][0]["rules"][0]["alert"]

    assert silenced in played(promtool, tmp_path, shipped)


def test_the_rules_are_well_formed(promtool: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules()))

    checked = run(promtool, tmp_path, "check", "rules", "--lint=all", "--lint-fatal", "rules.yaml")

    assert checked.returncode == 0, checked.stdout + checked.stderr


async def test_every_query_of_the_dashboard_finds_something(promtool: Path, tmp_path: Path) -> None:
    """The series are what the operator's own code renders; Prometheus' own engine asks."""
    metrics = await counted_everything()
    metrics.look()
    text = generate_latest(metrics.registry).decode()
    series = [
        {"series": f"{sample.name}{_labels(sample)}", "values": _growth(family.type, sample)}
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]
    asked = [
        {
            "expr": f"count({_filled_in(target['expr'])}) > bool 0",
            "eval_time": "20m",
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
        for panel, target in TARGETS
        # Nothing of that is unknown in the fleet: that is what an empty panel means there.
        if panel["title"] != "Digests that nobody can tell of"
    ]
    case = {"interval": "1m", "input_series": series, "promql_expr_test": asked}
    (tmp_path / "queries.yaml").write_text(yaml.safe_dump({"tests": [case]}))

    result = run(promtool, tmp_path, "test", "rules", "queries.yaml")

    assert result.returncode == 0, result.stdout + result.stderr
    assert len(asked) > 20


def _labels(sample: Sample) -> str:
    labels = {**sample.labels, "job": "operator", "instance": "a"}
    return "{" + ", ".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


def _growth(kind: str, sample: Sample) -> str:
    return f"{sample.value}+1x30" if kind in ("counter", "histogram") else f"{sample.value}x30"


def _filled_in(query: str) -> str:
    return re.sub(r"\$(namespace|name)\b", ".*", query.replace("$__rate_interval", "5m"))


@pytest.fixture
def operator_crds(cluster: Cluster) -> Iterator[None]:
    files = [str(path) for path in crds.ensure()]
    for path in files:
        cluster.kubectl("apply", "--server-side", "-f", path)
        cluster.kubectl("wait", "--for=condition=Established", "-f", path)
    yield
    for path in files:
        cluster.kubectl("delete", "-f", path)


@pytest.mark.usefixtures("operator_crds")
def test_the_overlay_is_accepted_by_the_prometheus_operators_own_crds(namespace: Namespace) -> None:
    applied = namespace.cluster.kubectl(
        "apply", "--server-side", "--dry-run=server", "--validate=strict", "-k", str(OVERLAY)
    ).stdout

    for kind in ("servicemonitor", "prometheusrule"):
        assert f"{kind}.monitoring.coreos.com/pinnedrelease" in applied
    assert "configmap/pinnedrelease-dashboard" in applied
    pod_monitor = ROOT / "manifests" / "components" / "pod-monitor" / "pod-monitor.yaml"
    namespace.cluster.kubectl(
        "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", str(pod_monitor)
    )


def test_monitors_select_what_is_there(cluster: Cluster) -> None:
    objects = list(yaml.safe_load_all(cluster.kubectl("kustomize", str(OVERLAY)).stdout))
    by_kind = {one["kind"]: one for one in objects}
    monitor, service = by_kind["ServiceMonitor"], by_kind["Service"]
    pods = by_kind["Deployment"]["spec"]["template"]
    wanted = monitor["spec"]["selector"]["matchLabels"]
    port = monitor["spec"]["endpoints"][0]["port"]

    assert wanted.items() <= service["metadata"]["labels"].items()
    assert service["spec"]["selector"].items() <= pods["metadata"]["labels"].items()
    assert port in {one["name"] for one in service["spec"]["ports"]}
    pod_monitor = yaml.safe_load(
        (ROOT / "manifests" / "components" / "pod-monitor" / "pod-monitor.yaml").read_text()
    )["spec"]
    assert pod_monitor["selector"]["matchLabels"].items() <= pods["metadata"]["labels"].items()
    named = {one["name"] for one in pods["spec"]["containers"][0]["ports"]}
    assert pod_monitor["podMetricsEndpoints"][0]["port"] in named


@pytest.mark.usefixtures("operator")
def test_kube_state_metrics_finds_every_field_in_a_real_object(namespace: Namespace) -> None:
    namespace.apply(deployment(), pinned_release(registry={"check": "None"}))
    namespace.wait_ready()

    found = list(kube_state_metrics.samples(namespace.release()))

    names = {name for name, _, _ in found}
    prefix = kube_state_metrics.RESOURCE["metricNamePrefix"]
    assert names == {f"{prefix}_{one['name']}" for one in kube_state_metrics.RESOURCE["metrics"]}
    info = next(labels for name, labels, _ in found if name == f"{prefix}_info")
    assert info == {
        "exported_namespace": namespace.name,
        "name": "web",
        "tag": "1.0",
        "digest": DIGEST_A,
        "image": f"{REPOSITORY}:1.0@{DIGEST_A}",
        "source": "Spec",
        "target": "Deployment/web",
        "declared_tag": "1.0",
        "declared_digest": DIGEST_A,
        "drift_policy": "Correct",
    }
    ready = {
        (labels["status"], labels["reason"], value)
        for name, labels, value in found
        if name == f"{prefix}_status_condition" and labels["type"] == "Ready"
    }
    assert ready == {("True", "Pinned", 1.0)}
    revision = next(value for name, _, value in found if name == f"{prefix}_status_revision")
    assert revision == 1
