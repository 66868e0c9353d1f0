"""A real control plane with the shipped manifests, and the programs that are compared on it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import operator_process
from api_client import ApiClient
from audit import AuditLog
from controlplane.binaries import ensure
from controlplane.plane import ControlPlane
from controlplane.processes import Child
from namespace import Namespace
from operator_process import OperatorProcess

ROOT = Path(__file__).parent.parent
START_S = 30.0
NODES = 300
"""About a hundred pods on each, as in real clusters: the scheduler slows down with more."""
BENCH_USER = "system:serviceaccount:default:bench"
NAIVE_USER = "system:serviceaccount:default:naive"


class Stage:
    """One control plane for one section, with operator, references and a client."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self.kubeconfig = plane.service_account_kubeconfig(
            operator_process.NAMESPACE, operator_process.ACCOUNT
        )
        self._bench, self._naive = (_administrator(plane, name) for name in ("bench", "naive"))

    def client(self) -> ApiClient:
        """A client that may do everything, in the name of nobody who is measured."""
        return ApiClient(self._bench, self.plane.authority)

    def namespace(self, name: str) -> Namespace:
        """A new namespace."""
        self.plane.kubectl("create", "namespace", name)
        return Namespace(self.plane, name)

    def images(self, namespace: str) -> dict[str, str]:
        """Which image each Deployment of a namespace has."""
        with self.client() as client:
            items = client.get(f"/apis/apps/v1/namespaces/{namespace}/deployments")["items"]
        return {
            one["metadata"]["name"]: one["spec"]["template"]["spec"]["containers"][0]["image"]
            for one in items
        }

    def operator(self, *flags: str) -> OperatorProcess:
        """The operator as it is shipped, with its own account."""
        return OperatorProcess(self.kubeconfig, self.plane.folder, *flags)

    def audit(self, user: str = operator_process.USER, namespace: str | None = None) -> AuditLog:
        """What a user does from now on."""
        assert self.plane.audit_log is not None
        return AuditLog(self.plane.audit_log, user, namespace)

    def token(self) -> str:
        """A token of the operator's account, for references."""
        return self.plane.kubectl(
            "create", "token", operator_process.ACCOUNT, "-n", operator_process.NAMESPACE
        ).stdout.strip()

    def bare(self, module: str, *arguments: str, token: str | None = None) -> Child:
        """Start a reference that takes server, authority and token."""
        given = [self.plane.server, str(self.plane.authority), token or self.token(), *arguments]
        return Child(
            module,
            [sys.executable, "-m", f"benchmarks.{module}", *given],
            self.plane.folder / f"{module}-{len(list(self.plane.folder.iterdir()))}.log",
            environment={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    @contextmanager
    def bare_loop(self, namespace: str, *what: str) -> Iterator[None]:
        """The bare loop in a namespace."""
        loop = self.bare("bare_loop", namespace, *what)
        loop.wait_until(lambda: "watching" in loop.tail(), START_S)
        try:
            yield
        finally:
            loop.stop()

    @contextmanager
    def naive_kopf(self, namespace: str, image: str) -> Iterator[None]:
        """The naive operator in a namespace. It writes as NAIVE_USER."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "KUBECONFIG": str(self._naive),
            "NAIVE_IMAGE": image,
        }
        naive = Child(
            "naive kopf",
            [sys.executable, "-m", "kopf", "run", "-n", namespace, "-m", "benchmarks.naive_kopf"],
            self.plane.folder / "naive-kopf.log",
            environment=environment,
        )
        naive.wait_until(lambda: "authentication has finished" in naive.tail(), START_S)
        try:
            yield
        finally:
            naive.stop()


def _administrator(plane: ControlPlane, name: str) -> Path:
    plane.kubectl("create", "serviceaccount", name, "-n", "default")
    plane.kubectl(
        "create", "clusterrolebinding", name, "--clusterrole=cluster-admin",
        f"--serviceaccount=default:{name}",
    )  # fmt: skip
    return plane.service_account_kubeconfig("default", name)


@contextmanager
def stage(*, durable: bool = False, nodes: int = 2) -> Iterator[Stage]:
    """A stage of its own. ``durable``: etcd waits for the disk, as in production."""
    with ControlPlane(ensure(), durable=durable, nodes=nodes, requests_per_s=3000) as plane:
        operator_process.install(plane)
        yield Stage(plane)
