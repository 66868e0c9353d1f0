"""The operator under test: a real process, with its own service account, as in production."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from controlplane.cluster import Cluster
from controlplane.processes import Child

MANIFESTS = Path(__file__).parent.parent / "manifests" / "base"
NAMESPACE = "pinnedrelease-system"
ACCOUNT = "pinnedrelease-controller"
USER = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"


def install(cluster: Cluster) -> None:
    """Apply the shipped manifests, except the Deployment: the process runs here, not in a pod."""
    cluster.kubectl("apply", "--server-side", "-k", str(MANIFESTS))
    cluster.kubectl("delete", "deployment", ACCOUNT, "-n", NAMESPACE)
    cluster.kubectl("wait", "--for=condition=Established", "crd/pinnedreleases.pinnedrelease.dev")


def install_crd(cluster: Cluster) -> None:
    """Apply the CRD alone, whatever somebody has made of it."""
    folder = str(MANIFESTS.parents[1] / "crds")
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-k", folder)
    cluster.kubectl("wait", "--for=condition=Established", "crd/pinnedreleases.pinnedrelease.dev")


class OperatorProcess:
    """One operator. Use as a context manager; started when entered, stopped when left."""

    def __init__(self, kubeconfig: Path, folder: Path, *flags: str) -> None:
        self._kubeconfig = kubeconfig
        self._folder = folder
        self._flags = flags
        self._child: Child | None = None
        self._starts = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def child(self) -> Child:
        """The running process."""
        assert self._child is not None, "the operator has not been started"
        return self._child

    @property
    def command(self) -> list[str]:
        """How it is started."""
        return [
            sys.executable, "-m", "pinnedrelease", "controller",
            "--kubeconfig", str(self._kubeconfig), *self._flags,
        ]  # fmt: skip

    def start(self) -> None:
        """Start it and wait until it has logged that it started."""
        self._starts += 1
        self._child = Child(
            "operator",
            self.command,
            self._folder / f"operator-{id(self)}-{self._starts}.log",
            environment={**os.environ, "PYTHONASYNCIODEBUG": ""},
        )
        self._child.wait_until(lambda: "operator started" in self.child.tail(), 30)

    def stop(self) -> int:
        """Ask it to stop; returns the exit code."""
        self.child.stop()
        return self.child.returncode or 0

    def output(self) -> str:
        """Everything that it has logged in all its runs."""
        logs = self._folder.glob(f"operator-{id(self)}-*.log")
        return "\n".join(path.read_text(errors="replace") for path in sorted(logs))

    def kill(self) -> None:
        """SIGKILL."""
        self.child.kill()

    def restart(self) -> None:
        """Stop and start again."""
        self.stop()
        self.start()
