"""Command lines of the components. What is off is off because no test needs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from controlplane.binaries import Binaries
from controlplane.certificates import KeyPair
from controlplane.kubernetes import HERE

SERVICE_RANGE = "10.0.0.0/24"
AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
"""
NEVER_ROTATED_MB = 1_000_000
"""A reader must find every request in one file, also at 10,000 pods. 0 means 100 MB."""
UNUSED_CONTROLLERS = (
    "node-ipam-controller",
    "node-route-controller",
    "cloud-node-lifecycle-controller",
    "service-lb-controller",
    # kwok's nodes send no heartbeats: at 10,000 pods these would be most of the load.
    "node-lifecycle-controller",
    "persistentvolume-attach-detach-controller",
    "root-ca-certificate-publisher-controller",
    "bootstrap-signer-controller",
    "token-cleaner-controller",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where one control plane lives: folder, ports, certificates."""

    folder: Path
    binaries: Binaries
    etcd_port: int
    etcd_peer_port: int
    api_port: int
    authority: Path
    server_keys: KeyPair
    token_key: Path

    @property
    def server(self) -> str:
        """The API server's URL."""
        return f"https://127.0.0.1:{self.api_port}"


def etcd(layout: Layout, *, durable: bool) -> list[str]:
    """A single member. Without durability a write does not wait for the disk."""
    client = f"http://127.0.0.1:{layout.etcd_port}"
    peer = f"http://127.0.0.1:{layout.etcd_peer_port}"
    return [
        str(layout.binaries.etcd),
        f"--data-dir={layout.folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--quota-backend-bytes=8589934592",
        "--log-level=warn",
        *(() if durable else ("--unsafe-no-fsync",)),
    ]


def api_server(layout: Layout, *, audit_log: Path | None, extra: tuple[str, ...]) -> list[str]:
    """RBAC on, anonymous requests off."""
    command = [
        str(layout.binaries.kube_apiserver),
        f"--etcd-servers=http://127.0.0.1:{layout.etcd_port}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={layout.api_port}",
        f"--tls-cert-file={layout.server_keys.certificate}",
        f"--tls-private-key-file={layout.server_keys.key}",
        f"--client-ca-file={layout.authority}",
        "--authorization-mode=Node,RBAC",
        "--anonymous-auth=false",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        f"--service-account-issuer={layout.server}",
        f"--service-account-key-file={layout.token_key}",
        f"--service-account-signing-key-file={layout.token_key}",
        # Nothing here takes the taint off again: the node lifecycle controller is off.
        "--disable-admission-plugins=TaintNodesByCondition",
        "--endpoint-reconciler-type=none",
        f"--cert-dir={layout.folder / 'apiserver'}",
    ]
    if audit_log is not None:
        policy = layout.folder / "audit-policy.yaml"
        policy.write_text(AUDIT_POLICY)
        command += [f"--audit-policy-file={policy}", f"--audit-log-path={audit_log}"]
        command.append(f"--audit-log-maxsize={NEVER_ROTATED_MB}")
    return [*command, *extra]


def controller_manager(layout: Layout, kubeconfig: Path, *, requests_per_s: int) -> list[str]:
    """The real controllers."""
    controllers = ",".join(["*", *(f"-{name}" for name in UNUSED_CONTROLLERS)])
    return [
        str(layout.binaries.kube_controller_manager),
        f"--kubeconfig={kubeconfig}",
        f"--service-account-private-key-file={layout.token_key}",
        f"--root-ca-file={layout.authority}",
        f"--controllers={controllers}",
        "--leader-elect=false",
        "--use-service-account-credentials=true",
        f"--kube-api-qps={requests_per_s}",
        f"--kube-api-burst={2 * requests_per_s}",
        "--concurrent-deployment-syncs=10",
        "--concurrent-replicaset-syncs=10",
        "--secure-port=0",
    ]


def scheduler(layout: Layout, kubeconfig: Path, *, requests_per_s: int) -> list[str]:
    """The real scheduler."""
    return [
        str(layout.binaries.kube_scheduler),
        f"--kubeconfig={kubeconfig}",
        "--leader-elect=false",
        f"--kube-api-qps={requests_per_s}",
        f"--kube-api-burst={2 * requests_per_s}",
        "--secure-port=0",
    ]


def kwok(layout: Layout, kubeconfig: Path) -> list[str]:
    """Simulated nodes and pods."""
    return [
        str(layout.binaries.kwok),
        f"--kubeconfig={kubeconfig}",
        f"--config={HERE / 'kwok' / 'stages.yaml'}",
        "--manage-all-nodes",
        "--node-ip=127.0.0.1",
        "--node-lease-duration-seconds=0",
    ]
