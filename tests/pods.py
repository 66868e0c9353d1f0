"""What a test says to and about the pods of a workload."""

from __future__ import annotations

import json
from typing import Any

from namespace import Namespace, eventually


def current(namespace: Namespace, name: str = "web") -> list[Any]:
    """The pods with the label of a workload that are not on their way out, as JSON."""
    found = json.loads(namespace.kubectl("get", "pods", "-l", f"app={name}", "-o", "json"))
    return [pod for pod in found["items"] if "deletionTimestamp" not in pod["metadata"]]


def names(namespace: Namespace, name: str = "web") -> list[str]:
    """Their names, sorted."""
    return sorted(pod["metadata"]["name"] for pod in current(namespace, name))


def report_image_id(namespace: Namespace, pod: str, image_id: str, container: int = 0) -> None:
    """Let the runtime of a pod report this imageID."""
    path = f"/status/containerStatuses/{container}/imageID"
    patch = json.dumps([{"op": "replace", "path": path, "value": image_id}])
    namespace.kubectl("patch", "pod", pod, "--subresource=status", "--type=json", "-p", patch)


def row(namespace: Namespace, name: str = "web") -> list[str]:
    """PODS, READY and STATUS of ``kubectl get pinnedreleases``."""
    line = namespace.kubectl("get", "pinnedreleases", name, "--no-headers").split()
    return line[3:6]


def wait_row(namespace: Namespace, *cells: str, name: str = "web", timeout_s: float = 20.0) -> None:
    """Wait until ``kubectl get pinnedreleases`` shows these cells."""
    eventually(
        lambda: row(namespace, name) == list(cells),
        lambda: f"wanted {cells}, shown {row(namespace, name)}\n{namespace.describe(name)}",
        timeout_s,
    )


def message(namespace: Namespace, kind: str = "Ready", name: str = "web") -> str:
    """The message of a condition."""
    conditions = namespace.release(name)["status"]["conditions"]
    found: str = next(one["message"] for one in conditions if one["type"] == kind)
    return found
