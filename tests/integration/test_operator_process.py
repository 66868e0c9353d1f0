"""The operator as a process: where it looks, how it is probed, how it ends."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import httpx
import pytest

import operator_process
from controlplane.cluster import Cluster
from controlplane.processes import free_port
from namespace import Namespace, eventually, stays
from objects import DIGEST_A, REPOSITORY, deployment, pinned_release
from operator_process import OperatorProcess

pytestmark = pytest.mark.integration

PINNED = f"{REPOSITORY}@{DIGEST_A}"
TAGGED = f"{REPOSITORY}:1.0"


@pytest.fixture
def other(cluster: Cluster) -> Namespace:
    cluster.kubectl("create", "namespace", "elsewhere")
    return Namespace(cluster, "elsewhere")


def test_one_namespace_with_rights_in_that_namespace_only(
    cluster: Cluster, namespace: Namespace, other: Namespace, tmp_path: Path
) -> None:
    """A Role in place of the ClusterRole is enough for --namespace."""
    namespace.kubectl("create", "serviceaccount", "local-operator")
    role = {
        "kind": "Role",
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "metadata": {"name": "local-operator"},
        "rules": json.loads(
            cluster.kubectl("get", "clusterrole", operator_process.ACCOUNT, "-o", "json").stdout
        )["rules"],
    }
    namespace.apply(role)
    account = f"--serviceaccount={namespace.name}:local-operator"
    namespace.kubectl("create", "rolebinding", "local", "--role=local-operator", account)
    kubeconfig = cluster.service_account_kubeconfig(namespace.name, "local-operator")

    with OperatorProcess(kubeconfig, tmp_path, "--namespace", namespace.name) as operator:
        other.apply(deployment(), pinned_release())
        namespace.apply(deployment(), pinned_release())
        namespace.wait_image(PINNED)

        assert stays(lambda: other.image() == TAGGED, 1)
        assert operator.child.returncode is None


def test_probes_answer_and_ready_means_that_all_kinds_are_watched(
    operator_kubeconfig: Path, tmp_path: Path
) -> None:
    port = free_port()

    def probe(path: str) -> int:
        try:
            return httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False).status_code
        except httpx.TransportError:
            return 0

    with OperatorProcess(operator_kubeconfig, tmp_path, f"--health-port={port}") as operator:
        eventually(lambda: probe("/livez") == 200, operator.child.tail)
        eventually(lambda: probe("/readyz") == 200, operator.child.tail)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_it_quickly_and_with_code_0(
    operator_kubeconfig: Path, tmp_path: Path, number: signal.Signals
) -> None:
    with OperatorProcess(operator_kubeconfig, tmp_path) as operator:
        stays(lambda: True, 1)

        operator.child.send(number)

        assert operator.child.wait(10) == 0, operator.child.tail()


def test_a_write_that_rbac_forbids_is_told_in_the_status_and_done_when_allowed(
    cluster: Cluster, namespace: Namespace, operator_kubeconfig: Path, tmp_path: Path
) -> None:
    role = f"clusterrole/{operator_process.ACCOUNT}"
    rules = json.loads(cluster.kubectl("get", role, "-o", "json").stdout)["rules"]
    weaker = [
        {**rule, "verbs": [verb for verb in rule["verbs"] if verb != "patch"]}
        if rule["apiGroups"] == ["apps"]
        else rule
        for rule in rules
    ]

    def set_rules(wanted: object) -> None:
        body = json.dumps({"rules": wanted})
        cluster.kubectl("patch", role, "--type=merge", "-p", body)

    with OperatorProcess(operator_kubeconfig, tmp_path):
        set_rules(weaker)
        try:
            namespace.apply(deployment(), pinned_release())
            message = namespace.wait_stalled("AccessDenied")
            assert "RBAC" in message
            assert namespace.image() == TAGGED
        finally:
            set_rules(rules)
        # A new generation clears the back-off.
        namespace.apply(pinned_release(changeCause="again"))
        namespace.wait_image(PINNED)
        namespace.wait_ready()


def test_somebody_who_keeps_undoing_is_named_and_slowed_down(
    namespace: Namespace, operator_kubeconfig: Path, tmp_path: Path
) -> None:
    with OperatorProcess(operator_kubeconfig, tmp_path):
        namespace.apply(deployment(), pinned_release())
        namespace.wait_ready()

        for _ in range(6):
            namespace.kubectl("set", "image", "deploy/web", f"web={TAGGED}")
            namespace.wait_image(PINNED)

        message = namespace.wait_stalled("DriftLoop")
        assert "kubectl-set keeps changing the image of Deployment/web" in message
        namespace.kubectl("set", "image", "deploy/web", f"web={TAGGED}")
        assert stays(lambda: namespace.image() == TAGGED, 3)
        namespace.wait_image(PINNED)
        assert "DriftLoop" in namespace.events()
