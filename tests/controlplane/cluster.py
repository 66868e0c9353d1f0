"""What tests may ask of a cluster, whoever started it."""

from __future__ import annotations

import json
import subprocess
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

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """A kubeconfig with a real token of a service account."""
        token = self.kubectl("create", "token", name, "-n", namespace, "--duration=8h").stdout
        view = json.loads(self.kubectl("config", "view", "--raw", "--minify", "-o", "json").stdout)
        cluster = view["clusters"][0]["cluster"]
        return write_kubeconfig(
            self.folder / f"{namespace}-{name}.kubeconfig",
            server=cluster["server"],
            authority=Path(cluster["certificate-authority"]),
            user=token.strip(),
            namespace=namespace,
        )
