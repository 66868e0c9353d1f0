"""Starts and stops one control plane."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from controlplane import components
from controlplane.binaries import Binaries, say
from controlplane.certificates import Authority, KeyPair
from controlplane.cluster import Cluster
from controlplane.kubeconfig import cluster_entry, write_kubeconfig
from controlplane.processes import Child, ProcessFailed, free_port
from controlplane.registry import Registry
from pinnedrelease.tls import client_context

FOLLOWERS = ("kube-controller-manager", "kube-scheduler", "kwok")
READY_S = 60.0
STARTS = 3
"""A free port can be taken between being found and being used: then start again on others."""


class ControlPlane(Cluster):
    """A control plane of its own. Use as a context manager; ready when entered.

    ``durable`` lets etcd wait for the disk at every write, as it does in production; tests throw
    the data away and do not wait. With KEEP_CONTROL_PLANE=1 in the environment the folder with
    data and logs is kept; with CONTROL_PLANE_AUDIT_LOGS=FOLDER the audit log is, in that folder.
    """

    def __init__(
        self,
        binaries: Binaries,
        *,
        nodes: int = 2,
        audit: bool = True,
        durable: bool = False,
        requests_per_s: int = 500,
        api_server_flags: tuple[str, ...] = (),
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        folder = Path(tempfile.mkdtemp(prefix="pinnedrelease-plane-"))
        super().__init__(
            kubectl=binaries.kubectl,
            admin_kubeconfig=folder / "admin.kubeconfig",
            folder=folder,
        )
        self.binaries = binaries
        self.audit_log = folder / "audit.log" if audit else None
        self._nodes = nodes
        self._durable = durable
        self._requests_per_s = requests_per_s
        self._api_server_flags = api_server_flags
        self._keep = environment.get("KEEP_CONTROL_PLANE") == "1"
        self._audit_logs = environment.get("CONTROL_PLANE_AUDIT_LOGS")
        self._children: dict[str, Child] = {}
        self._commands: dict[str, list[str]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            for attempt in range(1, STARTS + 1):
                try:
                    self._start(self.folder / f"start-{attempt}")
                except ProcessFailed as error:
                    self._stop_children()
                    if attempt == STARTS or "address already in use" not in str(error):
                        raise
                else:
                    break
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop everything that was started here."""
        self._stack.close()
        self._stop_children()
        if self._audit_logs and self.audit_log is not None and self.audit_log.exists():
            shutil.move(self.audit_log, Path(self._audit_logs) / f"{self.folder.name}.log")
        if self._keep:
            say(f"kept {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def start_registry(self, **options: object) -> Registry:
        """An OCI registry that lives as long as this control plane."""
        folder = self.folder / f"registry-{free_port()}"
        registry = Registry(self.binaries.registry, folder, **options)  # type: ignore[arg-type]
        return self._stack.enter_context(registry)

    def stop_component(self, name: str, *, kill: bool = False) -> None:
        """Stop one component, for example ``kube-apiserver``."""
        child = self._children.pop(name)
        if kill:
            child.kill()
        else:
            child.stop()

    def start_component(self, name: str) -> None:
        """Start a component again that was stopped.

        Controllers look for an API server that was away ever more rarely, up to a minute later;
        when it is back, they begin afresh, so that what follows in a test session has pods.
        """
        self._run(name, self._commands[name])
        if name == "kube-apiserver":
            self._children[name].wait_until(self._is_ready, READY_S)
            for follower in FOLLOWERS:
                if follower in self._children:
                    self.restart(follower)

    def pid(self, name: str) -> int:
        """The process of a component that runs."""
        return self._children[name].pid

    def restart(self, name: str, *, kill: bool = False) -> None:
        """Stop one component, by SIGKILL if asked, and start it again."""
        self.stop_component(name, kill=kill)
        self.start_component(name)

    @property
    def server(self) -> str:
        """The API server's URL."""
        return self._layout.server

    @property
    def etcd(self) -> str:
        """etcd's URL."""
        return f"http://127.0.0.1:{self._layout.etcd_port}"

    @property
    def authority(self) -> Path:
        """The certificate authority's certificate."""
        return self._layout.authority

    def _start(self, folder: Path) -> None:
        folder.mkdir()
        authority = Authority(folder / "pki")
        self._layout = layout = components.Layout(
            folder=folder,
            binaries=self.binaries,
            etcd_port=free_port(),
            etcd_peer_port=free_port(),
            api_port=free_port(),
            authority=authority.certificate,
            server_keys=authority.server("kube-apiserver"),
            token_key=authority.signing_key("service-account"),
        )
        self._admin = authority.client("admin", "system:masters")

        def kubeconfig(name: str, keys: KeyPair) -> Path:
            path = folder / f"{name}.kubeconfig"
            cluster = cluster_entry(layout.server, layout.authority)
            return write_kubeconfig(path, cluster=cluster, user=keys)

        shutil.copy(kubeconfig("admin", self._admin), self.admin_kubeconfig)
        self._run("etcd", components.etcd(layout, durable=self._durable))
        self._run(
            "kube-apiserver",
            components.api_server(layout, audit_log=self.audit_log, extra=self._api_server_flags),
        )
        self._children["kube-apiserver"].wait_until(self._is_ready, READY_S)
        managers: dict[str, Callable[[Path], list[str]]] = {
            "kube-controller-manager": lambda path: components.controller_manager(
                layout, path, requests_per_s=self._requests_per_s
            ),
            "kube-scheduler": lambda path: components.scheduler(
                layout, path, requests_per_s=self._requests_per_s
            ),
        }
        for name, command in managers.items():
            keys = authority.client(f"system:{name}")
            self._run(name, command(kubeconfig(name, keys)))
        kwok_keys = authority.client("kwok", "system:masters")
        self._run("kwok", components.kwok(layout, kubeconfig("kwok", kwok_keys)))
        self._create_nodes()
        self._children["kube-controller-manager"].wait_until(self._has_basics, READY_S)

    def _run(self, name: str, command: list[str]) -> None:
        self._commands[name] = command
        self._children[name] = Child(name, command, self.folder / f"{name}.log")

    def _stop_children(self) -> None:
        """Stop in reverse order, so that nobody misses what it talks to.

        The order is that of the first start: one that was started again keeps its place. The API
        server waits long for its watchers when it is stopped before them.
        """
        for name in reversed(self._commands):
            if name in self._children:
                self._children.pop(name).stop()

    def _is_ready(self) -> bool:
        self._children["etcd"].check_running()
        return self._get("/readyz").is_success

    def _has_basics(self) -> bool:
        """The default service account exists and the nodes are ready."""
        for child in self._children.values():
            child.check_running()
        account = self._get("/api/v1/namespaces/default/serviceaccounts/default")
        answer = self._get("/api/v1/nodes")
        if not (account.is_success and answer.is_success):
            return False
        ready = [
            condition
            for node in answer.json()["items"]
            for condition in node["status"].get("conditions", [])
            if condition["type"] == "Ready" and condition["status"] == "True"
        ]
        return len(ready) >= self._nodes

    def _get(self, path: str) -> httpx.Response:
        try:
            with self.client() as client:
                return client.get(path)
        except httpx.TransportError:
            return httpx.Response(503)

    def client(self) -> httpx.Client:
        """An HTTP client with the administrator's certificate."""
        tls = client_context(authority_file=self.authority)
        tls.load_cert_chain(self._admin.certificate, self._admin.key)
        return httpx.Client(base_url=self.server, verify=tls, timeout=10.0, trust_env=False)

    def _create_nodes(self) -> None:
        with self.client() as client:
            for number in range(self._nodes):
                node = {
                    "apiVersion": "v1",
                    "kind": "Node",
                    "metadata": {
                        "name": f"node-{number}",
                        "labels": {"kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux"},
                    },
                }
                client.post("/api/v1/nodes", json=node).raise_for_status()
