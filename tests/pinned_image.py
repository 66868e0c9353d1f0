"""An image in a real registry, a Deployment that runs it, and a PinnedRelease that pins it."""

from __future__ import annotations

from controlplane.registry import PushedImage, Registry
from namespace import Namespace, eventually
from objects import deployment, pinned_release

INTERVAL_S = 2.0
"""How often the registry is asked in tests."""


class PinnedImage:
    """The image team/web of a namespace, pushed to a real registry and pinned there."""

    def __init__(self, namespace: Namespace, registry: Registry) -> None:
        self.namespace = namespace
        self.registry = registry
        self.path = f"{namespace.name}/web"
        self.repository = f"{registry.address}/{self.path}"

    def push(self, content: bytes, tag: str = "1.0", *platforms: str) -> PushedImage:
        return self.registry.push_image(self.path, tag, content, platforms or ("linux/amd64",))

    def pin(self, digest: str, tag: str = "1.0", **spec: object) -> None:
        settings = {"interval": f"{INTERVAL_S:.0f}s", **spec}
        self.namespace.apply(
            pinned_release(repository=self.repository, digest=digest, tag=tag, **settings)  # type: ignore[arg-type]
        )

    def deploy(self) -> None:
        self.namespace.apply(deployment(images={"web": f"{self.repository}:1.0"}))

    def wait(self, kind: str, status: str, reason: str, timeout_s: float = 20.0) -> str:
        """Wait for a condition; returns its message."""
        eventually(
            lambda: self.namespace.condition(kind) == (status, reason),
            lambda: f"wanted {kind}={status}/{reason}\n{self.namespace.describe('web')}",
            timeout_s,
        )
        conditions = self.namespace.release()["status"]["conditions"]
        message: str = next(one["message"] for one in conditions if one["type"] == kind)
        return message
