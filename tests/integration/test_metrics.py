"""``/metrics`` of a real operator process, beside what it did."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from admission_cluster import ADMISSION, has_mutating_policies
from controlplane.cluster import Cluster
from controlplane.processes import free_port
from namespace import Namespace, eventually
from objects import DIGEST_A, REPOSITORY, deployment, pinned_release
from operator_process import OperatorProcess
from pinnedrelease.controller.metric_families import FAMILIES

pytestmark = pytest.mark.integration

COMPONENT = Path(__file__).parents[2] / "manifests" / "components" / "monitoring"
POLICIES = {"digest-only": "pinnedrelease-digest-only-pods", "stamp": "pinnedrelease-stamp"}
"""A set that only concerns labelled namespaces, and one that only adds annotations."""


class Scraped:
    """An operator's metrics, read as Prometheus reads them."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/metrics"

    def answers(self) -> bool:
        try:
            return httpx.get(self._url, trust_env=False).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def families(self) -> list[Metric]:
        text = httpx.get(self._url, trust_env=False).text
        return list(text_string_to_metric_families(text))

    def of_release(self, namespace: str, name: str) -> list[Sample]:
        where = {"namespace": namespace, "name": name}
        samples = [sample for family in self.families() for sample in family.samples]
        return [sample for sample in samples if where.items() <= sample.labels.items()]

    def value(self, series: str, /, **labels: str) -> float | None:
        for family in self.families():
            for sample in family.samples:
                if sample.name == series and labels.items() <= sample.labels.items():
                    return float(sample.value)
        return None


@pytest.fixture
def policies(cluster: Cluster) -> list[str]:
    """Those of the sets that the API server knows."""
    return list(POLICIES) if has_mutating_policies(cluster) else ["digest-only"]


@pytest.fixture
def scraped(
    cluster: Cluster, policies: list[str], operator_kubeconfig: Path, tmp_path: Path
) -> Iterator[Scraped]:
    cluster.kubectl("apply", "--server-side", "-f", str(COMPONENT / "policy-reader.yaml"))
    for name in policies:
        cluster.kubectl("apply", "--server-side", "-k", str(ADMISSION / name))
    port = free_port()
    with OperatorProcess(operator_kubeconfig, tmp_path, f"--metrics-port={port}") as operator:
        made = Scraped(port)
        eventually(made.answers, operator.child.tail)
        yield made
    for name in policies:
        cluster.kubectl("delete", "-k", str(ADMISSION / name))


def test_a_correction_is_counted_by_its_cause_and_a_deleted_release_has_no_series(
    scraped: Scraped, namespace: Namespace
) -> None:
    namespace.apply(deployment(), pinned_release(registry={"check": "None"}))
    namespace.wait_ready()
    where = {"namespace": namespace.name, "name": "web"}
    assert scraped.value("pinnedrelease_release_info", **where, digest=DIGEST_A) == 1
    ready = {"type": "Ready", "status": "True", "reason": "Pinned"}
    assert scraped.value("pinnedrelease_condition", **where, **ready) == 1
    assert scraped.value("leader_election_master_status") == 1

    namespace.kubectl("set", "image", "deploy/web", f"web={REPOSITORY}:1.0")
    namespace.wait_image(f"{REPOSITORY}@{DIGEST_A}")

    eventually(
        lambda: scraped.value("pinnedrelease_corrections_total", actor="kubectl-set") == 1,
        lambda: namespace.describe("web"),
    )
    assert (scraped.value("controller_runtime_reconcile_total", result="success") or 0) > 0
    assert scraped.value("pinnedrelease_writes_total", kind="workload") == 2

    namespace.wait_ready()
    conditions = namespace.release()["status"]["conditions"]
    assert len(scraped.of_release(**where)) == 3 + len(conditions) <= 3 + 7

    namespace.kubectl("delete", "pinnedreleases", "web")
    eventually(
        lambda: scraped.of_release(**where) == [],
        lambda: namespace.describe("web"),
    )


def test_a_real_process_exposes_what_the_reference_has(scraped: Scraped) -> None:
    documented = {one.name.removesuffix("_total"): str(one.type) for one in FAMILIES}
    unlabelled = {one.name.removesuffix("_total") for one in FAMILIES if not one.labels}

    found = {family.name: family.type for family in scraped.families()}

    assert found.items() <= documented.items()
    assert unlabelled <= found.keys()
    assert (scraped.value("rest_client_requests_total", method="GET", code="200") or 0) > 0


def test_admission_policies_that_are_bound_are_named(scraped: Scraped, policies: list[str]) -> None:
    def are_bound() -> bool:
        return all(
            scraped.value("pinnedrelease_admission_policy_bound", policy=POLICIES[name]) == 1
            for name in policies
        )

    eventually(are_bound, lambda: "the policies are not in the metrics")
