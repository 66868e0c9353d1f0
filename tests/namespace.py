"""A namespace of its own for a test, and what a test says to the cluster in it."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from controlplane.cluster import Cluster

Value = TypeVar("Value")
WAIT_S = 20.0
POLL_S = 0.1


class Namespace:
    """kubectl in one namespace, with answers as Python values."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster = cluster
        self.name = name

    def kubectl(self, *arguments: str, check: bool = True, stdin: str | None = None) -> str:
        """Standard output of a kubectl command in this namespace."""
        return self.cluster.kubectl("-n", self.name, *arguments, check=check, stdin=stdin).stdout

    def apply(self, *manifests: Mapping[str, object]) -> None:
        """Apply manifests as a person with YAML would."""
        self.kubectl("apply", "-f", "-", stdin=_stream(manifests))

    def rejection(self, *manifests: Mapping[str, object]) -> str:
        """What the API server says when it does not take these manifests."""
        result = self.cluster.kubectl(
            "-n", self.name, "apply", "-f", "-", check=False, stdin=_stream(manifests)
        )
        assert result.returncode != 0, f"accepted: {result.stdout}"
        return result.stderr

    def get(self, kind: str, name: str) -> Any:
        """An object as JSON."""
        return json.loads(self.kubectl("get", kind, name, "-o", "json", "--show-managed-fields"))

    def release(self, name: str = "web") -> Any:
        """A PinnedRelease as JSON."""
        return self.get("pinnedreleases", name)

    def image(self, name: str = "web", container: str | None = None, kind: str = "deploy") -> str:
        """The image in a workload's template."""
        return dict(self.images(name, kind))[container or name]

    def images(self, name: str = "web", kind: str = "deploy") -> Iterator[tuple[str, str]]:
        """All container names and images of a workload's template."""
        spec = self.get(kind, name)["spec"]
        pod = spec.get("jobTemplate", {"spec": spec})["spec"]["template"]["spec"]
        for field in ("initContainers", "containers"):
            for container in pod.get(field, []):
                yield container["name"], container["image"]

    def condition(self, kind: str, name: str = "web") -> tuple[str, str] | None:
        """Status and reason of a condition."""
        conditions = self.release(name).get("status", {}).get("conditions", [])
        found = [one for one in conditions if one["type"] == kind]
        return (found[0]["status"], found[0]["reason"]) if found else None

    def wait_ready(
        self, name: str = "web", reason: str = "Pinned", *, timeout_s: float = WAIT_S
    ) -> None:
        """Wait until Ready is True for this reason in the newest generation."""

        def ready() -> bool:
            release = self.release(name)
            seen = release.get("status", {}).get("observedGeneration")
            return seen == release["metadata"]["generation"] and self.condition("Ready", name) == (
                "True",
                reason,
            )

        eventually(ready, lambda: self.describe(name), timeout_s)

    def wait_stalled(self, reason: str, name: str = "web") -> str:
        """Wait until Stalled is True for this reason; returns the message."""
        eventually(
            lambda: self.condition("Stalled", name) == ("True", reason),
            lambda: self.describe(name),
        )
        conditions = self.release(name)["status"]["conditions"]
        message: str = next(one["message"] for one in conditions if one["type"] == "Stalled")
        return message

    def wait_image(self, image: str, name: str = "web", container: str | None = None) -> None:
        """Wait until a Deployment's template has this image."""
        eventually(
            lambda: self.image(name, container) == image,
            lambda: f"{name} has {dict(self.images(name))}, wanted {image}\n{self.describe(name)}",
        )

    def history(self, name: str = "web") -> list[tuple[int, str, str, str]]:
        """Revision, digest, action and result of each history entry, newest first."""
        return [
            (entry["revision"], entry["digest"], entry["action"], entry["result"])
            for entry in self.release(name)["status"].get("history", [])
        ]

    def events(self, kind: str = "PinnedRelease", name: str = "web") -> list[str]:
        """Reasons of the events on an object, oldest first."""
        selector = f"involvedObject.kind={kind},involvedObject.name={name}"
        found = json.loads(
            self.kubectl("get", "events", "--field-selector", selector, "-o", "json")
        )["items"]
        ours = [one for one in found if one["source"].get("component", "").startswith("pinned")]
        return [one["reason"] for one in ours]

    def describe(self, name: str) -> str:
        """What a person would look at when something is wrong."""
        return self.kubectl("describe", "pinnedreleases", name, check=False)


def eventually(
    is_true: Callable[[], bool], explain: Callable[[], str], timeout_s: float = WAIT_S
) -> None:
    """Wait until something holds; fail with an explanation when it does not."""
    deadline = time.monotonic() + timeout_s
    while not is_true():
        if time.monotonic() > deadline:
            raise AssertionError(f"not so after {timeout_s} s:\n{explain()}")
        time.sleep(POLL_S)


def stays(is_true: Callable[[], bool], seconds: float) -> bool:
    """Whether something holds for some time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not is_true():
            return False
        time.sleep(POLL_S)
    return True


@contextmanager
def new_namespace(cluster: Cluster) -> Iterator[Namespace]:
    """A namespace that goes when the test has ended."""
    name = f"test-{secrets.token_hex(4)}"
    cluster.kubectl("create", "namespace", name)
    yield Namespace(cluster, name)
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def _stream(manifests: tuple[Mapping[str, object], ...]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
