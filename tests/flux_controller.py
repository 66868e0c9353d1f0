"""Flux's kustomize-controller, the real one; the source that it applies is served from here.

Flux's source-controller does not run: what it would say (an artifact, its digest and where to fetch
it) is written into a GitRepository's status.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import os
import tarfile
import threading
from collections.abc import Mapping
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from controlplane.cluster import Cluster
from controlplane.processes import Child, free_port
from gotools import tools
from namespace import Namespace, eventually

SOURCE_GROUP = "source.toolkit.fluxcd.io"
SOURCE = "deploy"
SYNC_S = 60.0


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and logs nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class FluxController:
    """One controller for a cluster. Use as a context manager."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster = cluster
        self._folder = folder
        self._flux = tools.flux()
        self._artifacts = folder / "artifacts"
        self._artifacts.mkdir()
        serve = functools.partial(Quiet, directory=str(self._artifacts))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), serve)
        self._child: Child | None = None

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._cluster.kubectl("apply", "--server-side", "-f", str(self._flux.crds))
        self._cluster.kubectl("apply", "-f", "-", stdin=json.dumps(_source_kinds()))
        self._cluster.kubectl("wait", "--for=condition=Established", "crd", "--all")
        health = f"127.0.0.1:{free_port()}"
        self._child = Child(
            "kustomize-controller",
            [
                self._flux.kustomize_controller, f"--health-addr={health}", "--metrics-addr=0",
                "--concurrent=20", "--log-level=info", "--watch-all-namespaces",
            ],
            self._folder / "kustomize-controller.log",
            environment={
                "KUBECONFIG": str(self._cluster.admin_kubeconfig),
                "PATH": os.environ["PATH"],
                "HOME": str(self._folder),
                "TMPDIR": str(self._folder),
                "RUNTIME_NAMESPACE": "default",
            },
        )  # fmt: skip
        self._child.wait_until(lambda: "Starting workers" in self.output(), SYNC_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._child is not None:
            self._child.stop()
        self._server.shutdown()
        self._server.server_close()

    def output(self) -> str:
        """All that it has logged."""
        return (self._folder / "kustomize-controller.log").read_text(errors="replace")

    def commit(self, namespace: Namespace, *manifests: Mapping[str, object]) -> str:
        """Make these manifests the content of the namespace's source; returns the revision."""
        archive = io.BytesIO()
        content = "---\n".join(json.dumps(one) + "\n" for one in manifests).encode()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            entry = tarfile.TarInfo("deploy/all.yaml")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        digest = hashlib.sha256(archive.getvalue()).hexdigest()
        name = f"{namespace.name}-{digest[:12]}.tar.gz"
        (self._artifacts / name).write_bytes(archive.getvalue())
        revision = f"main@sha1:{digest[:40]}"
        namespace.apply(
            {
                "apiVersion": f"{SOURCE_GROUP}/v1",
                "kind": "GitRepository",
                "metadata": {"name": SOURCE},
                "spec": {"interval": "1h", "url": "https://git.example.com/deploy"},
            }
        )
        artifact = {
            "digest": f"sha256:{digest}",
            "lastUpdateTime": "2026-11-26T12:00:00Z",
            "path": name,
            "revision": revision,
            "size": len(archive.getvalue()),
            "url": f"http://127.0.0.1:{self._server.server_port}/{name}",
        }
        namespace.kubectl(
            "patch", "gitrepository", SOURCE, "--subresource=status", "--type=merge",
            "-p", json.dumps({"status": {"artifact": artifact}}),
        )  # fmt: skip
        return revision


def ready(namespace: Namespace, name: str) -> tuple[str, str, str] | None:
    """Status, reason and message of a Kustomization's Ready condition for its newest generation."""
    found: Any = namespace.get("kustomizations.kustomize.toolkit.fluxcd.io", name)
    for condition in found.get("status", {}).get("conditions", []):
        if condition["type"] == "Ready":
            if condition.get("observedGeneration") != found["metadata"]["generation"]:
                return None
            return condition["status"], condition["reason"], condition["message"]
    return None


def wait_synced(namespace: Namespace, name: str, revision: str) -> None:
    """Wait until a Kustomization has applied a revision and found it healthy."""

    def is_synced() -> bool:
        found: Any = namespace.get("kustomizations.kustomize.toolkit.fluxcd.io", name)
        said = ready(namespace, name)
        applied = found.get("status", {}).get("lastAppliedRevision")
        return applied == revision and said is not None and said[0] == "True"

    eventually(is_synced, lambda: str(ready(namespace, name)), SYNC_S)


def sync_again(namespace: Namespace, name: str, token: str) -> None:
    """Let Flux compare and correct now, as at the end of its interval; wait until it has."""
    namespace.kubectl(
        "annotate", "--overwrite", "kustomizations.kustomize.toolkit.fluxcd.io", name,
        f"reconcile.fluxcd.io/requestedAt={token}",
    )  # fmt: skip

    def is_handled() -> bool:
        found: Any = namespace.get("kustomizations.kustomize.toolkit.fluxcd.io", name)
        handled: bool = found["status"].get("lastHandledReconcileAt") == token
        said = ready(namespace, name)
        return handled and said is not None and said[0] == "True"

    eventually(is_handled, lambda: str(ready(namespace, name)), SYNC_S)


def _source_kinds() -> dict[str, object]:
    """The kinds that the controller watches, as far as it reads them."""
    kinds = ("GitRepository", "OCIRepository", "Bucket")
    return {"apiVersion": "v1", "kind": "List", "items": [_source_kind(kind) for kind in kinds]}


def _source_kind(kind: str) -> dict[str, object]:
    singular = kind.lower()
    plural = singular.removesuffix("y") + "ies" if singular.endswith("y") else f"{singular}s"
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{SOURCE_GROUP}"},
        "spec": {
            "group": SOURCE_GROUP,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": singular},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {"spec": free, "status": free},
                        }
                    },
                }
            ],
        },
    }
