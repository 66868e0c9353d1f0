"""PinnedReleases in every state that Argo CD may meet, as the real operator leaves them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pods
from controlplane.registry import Registry
from namespace import Namespace, eventually
from objects import DIGEST_A, DIGEST_B, REPOSITORY, Manifest, deployment, pinned_release
from operator_process import OperatorProcess
from pinned_image import PinnedImage

BROKEN = "sha256:dead" + "0" * 60
"""Pods of the tests never become ready on such a digest."""
QUIET_S = 1.5
HOLDER = "example.com/hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where a state is made."""

    namespace: Namespace
    registry: Registry
    operator: OperatorProcess

    def image(self) -> PinnedImage:
        return PinnedImage(self.namespace, self.registry)

    def wait(self, kind: str, status: str, reason: str, name: str = "web") -> None:
        eventually(
            lambda: self.namespace.condition(kind, name) == (status, reason),
            lambda: self.namespace.describe(name),
        )

    def settled(self, name: str) -> Any:
        """The object once nobody has written it for a while."""
        found, since = self.namespace.release(name), time.monotonic()
        while time.monotonic() - since < QUIET_S:
            time.sleep(0.2)
            now = self.namespace.release(name)
            if now["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"]:
                found, since = now, time.monotonic()
        return found


State = Callable[[Stage], None]


def release(digest: str = DIGEST_A, tag: str = "1.0", **spec: Any) -> Manifest:
    return pinned_release(digest=digest, tag=tag, registry={"check": "None"}, **spec)


def without_pods(image: str = f"{REPOSITORY}:1.0") -> Manifest:
    """For states in which pods run a tag: what they report would differ from run to run."""
    return deployment(images={"web": image}, replicas=0)


def on_a(stage: Stage, **spec: Any) -> None:
    stage.namespace.apply(deployment(), release(**spec))
    stage.namespace.wait_ready()


def on_b(stage: Stage, **spec: Any) -> None:
    on_a(stage, **spec)
    stage.namespace.apply(release(DIGEST_B, "1.1", **spec))
    stage.namespace.wait_ready()


def healthy(stage: Stage) -> None:
    image = stage.image()
    image.deploy()
    image.pin(image.push(b"first").digest)
    stage.namespace.wait_ready()
    stage.wait("TagMoved", "False", "TagMatches")


def healthy_with_history(stage: Stage) -> None:
    on_b(stage)


def tag_moved(stage: Stage) -> None:
    image = stage.image()
    image.deploy()
    first = image.push(b"first")
    image.pin(first.digest)
    stage.namespace.wait_ready()
    image.push(b"second")
    stage.wait("Ready", "True", "PinnedTagMoved")


def digest_missing(stage: Stage) -> None:
    image = stage.image()
    stage.namespace.apply(without_pods(f"{image.repository}:1.0"))
    image.push(b"first")
    image.pin(DIGEST_A)
    stage.namespace.wait_stalled("DigestMissing")


def rolling_out(stage: Stage) -> None:
    never = "registry.example.com/never-ready/web"
    stage.namespace.apply(deployment(images={"web": f"{never}:1.0"}), release(repository=never))
    stage.wait("Reconciling", "True", "RollingOut")


def rollout_timeout(stage: Stage) -> None:
    never = "registry.example.com/never-ready/web"
    stage.namespace.apply(
        deployment(images={"web": f"{never}:1.0"}), release(repository=never, timeout="2s")
    )
    stage.namespace.wait_stalled("RolloutTimeout")


def rollout_failed(stage: Stage) -> None:
    wish = {"onFailure": "RollBack", "timeout": "3s"}
    on_a(stage, **wish)
    stage.namespace.apply(release(BROKEN, "2.0", **wish))
    stage.namespace.wait_stalled("RolloutFailed")


def target_not_found(stage: Stage) -> None:
    stage.namespace.apply(release())
    stage.namespace.wait_stalled("TargetNotFound")


def container_not_found(stage: Stage) -> None:
    stage.namespace.apply(deployment(images={"web": "example.com/other:1"}), release())
    stage.namespace.wait_stalled("ContainerNotFound")


def conflict(stage: Stage) -> None:
    on_a(stage)
    time.sleep(1.1)  # creation times have whole seconds
    stage.namespace.apply(release(DIGEST_B, "1.1", name="late"))
    stage.namespace.wait_stalled("Conflict", "late")


def drift_loop(stage: Stage) -> None:
    """Argo CD without a stanza for the image, in three syncs."""
    body = json.dumps(deployment())

    def sync() -> None:
        stage.namespace.kubectl("apply", "--field-manager=argocd-controller", "-f", "-", stdin=body)

    sync()
    stage.namespace.apply(release())
    stage.namespace.wait_ready()
    for _ in range(3):
        sync()
        stage.namespace.wait_image(f"{REPOSITORY}@{DIGEST_A}")
    stage.namespace.wait_stalled("DriftLoop")


def drifted(stage: Stage) -> None:
    stage.namespace.apply(without_pods(), release(driftPolicy="Report"))
    stage.namespace.wait_stalled("Drifted")


def suspended(stage: Stage) -> None:
    on_a(stage)
    stage.namespace.apply(release(suspend=True))
    stage.namespace.wait_ready(reason="Suspended")


def suspended_drifted(stage: Stage) -> None:
    stage.namespace.apply(without_pods(), release())
    stage.namespace.wait_ready()
    stage.namespace.apply(release(suspend=True))
    stage.namespace.wait_ready(reason="Suspended")
    stage.namespace.kubectl("set", "image", "deploy/web", f"web={REPOSITORY}:dev")
    stage.wait("Ready", "False", "SuspendedDrifted")


def suspended_stalled(stage: Stage) -> None:
    stage.namespace.apply(release(suspend=True))
    stage.namespace.wait_stalled("TargetNotFound")


def set_override(stage: Stage, **override: str) -> None:
    """As ``pinrel rollback --override`` does."""
    wish = {"digest": DIGEST_A, "insteadOf": DIGEST_B, "tag": "1.0", "reason": "loses orders"}
    patch = json.dumps({"spec": {"override": {**wish, **override}}})
    stage.namespace.kubectl(
        "patch", "pinnedreleases", "web", "--type=merge", "--field-manager=pinrel", "-p", patch
    )


def override_active(stage: Stage) -> None:
    on_b(stage)
    set_override(stage, expireTime="2099-01-01T00:00:00Z")
    stage.namespace.wait_ready(reason="RolledBack")


def override_expired(stage: Stage) -> None:
    on_b(stage)
    set_override(stage, expireTime="2020-01-01T00:00:00Z")
    stage.namespace.wait_stalled("OverrideExpired")


def override_ended(stage: Stage) -> None:
    override_active(stage)
    stage.namespace.apply(release("sha256:" + "c" * 64, "1.2"))
    stage.namespace.wait_ready()


def digest_rejected(stage: Stage) -> None:
    on_b(stage)
    refused = {"digest": DIGEST_A, "reason": "INC-4711"}
    stage.namespace.apply(release(DIGEST_A, "1.0", rejectedDigests=[refused]))
    stage.namespace.wait_stalled("DigestRejected")


def pods_mismatch(stage: Stage) -> None:
    image = stage.image()
    image.deploy()
    image.pin(image.push(b"first").digest)
    other = image.push(b"second", "1.1")
    stage.namespace.wait_ready()
    (pod,) = pods.names(stage.namespace)
    pods.report_image_id(stage.namespace, pod, f"{image.repository}@{other.digest}")
    stage.namespace.wait_stalled("PodsMismatch")


def edited_history(stage: Stage) -> None:
    """Somebody with the right to write a status has given revision 1 another digest."""
    on_b(stage)
    history = stage.namespace.release()["status"]["history"]
    history[1]["digest"] = "sha256:" + "e" * 64
    patch = json.dumps({"status": {"history": history}})
    stage.namespace.kubectl(
        "patch", "pinnedreleases", "web", "--subresource=status", "--type=merge", "-p", patch,
        "--field-manager=intruder",
    )  # fmt: skip


def deleting(stage: Stage) -> None:
    on_a(stage)
    hold = json.dumps({"metadata": {"finalizers": [HOLDER]}})
    stage.namespace.kubectl("patch", "pinnedreleases", "web", "--type=merge", "-p", hold)
    stage.namespace.kubectl("delete", "pinnedreleases", "web", "--wait=false")


def unobserved(stage: Stage) -> None:
    """A newer generation that no operator has seen, of one that was stalled."""
    drifted(stage)
    stage.operator.stop()
    stage.namespace.apply(release())


def new(stage: Stage) -> None:
    stage.operator.stop()
    stage.namespace.apply(release())


STATES: dict[str, tuple[State, str]] = {
    state.__name__.replace("_", "-"): (state, name)
    for state, name in [
        (healthy, "web"),
        (healthy_with_history, "web"),
        (tag_moved, "web"),
        (digest_missing, "web"),
        (rolling_out, "web"),
        (rollout_timeout, "web"),
        (rollout_failed, "web"),
        (target_not_found, "web"),
        (container_not_found, "web"),
        (conflict, "late"),
        (drift_loop, "web"),
        (drifted, "web"),
        (suspended, "web"),
        (suspended_drifted, "web"),
        (suspended_stalled, "web"),
        (override_active, "web"),
        (override_expired, "web"),
        (override_ended, "web"),
        (digest_rejected, "web"),
        (pods_mismatch, "web"),
        (edited_history, "web"),
        (deleting, "web"),
        (unobserved, "web"),
        (new, "web"),
    ]
}
"""State -> how it is made, and the name of the PinnedRelease that is in it."""

_VOLATILE = (
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "2026-11-26T10:00:00Z"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\dZ", "2026-11-26T10:00Z"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "00000000-0000-4000-8000-000000000000"),
    (r"\bweb-[0-9a-z]{6,10}-[0-9a-z]{5}\b", "web-7d4b9c6f5d-x2x7k"),
)


def as_testdata(obj: Any, stage: Stage) -> Any:
    """The object without what differs from run to run; who wrote a foreign status stays."""
    text = json.dumps(obj).replace(stage.namespace.name, "shop")
    text = text.replace(stage.registry.address, "registry.example.com")
    for pattern, constant in _VOLATILE:
        text = re.sub(pattern, constant, text)
    plain = json.loads(text)
    metadata = plain["metadata"]
    metadata["resourceVersion"] = "1"
    metadata["managedFields"] = [
        one
        for one in metadata.get("managedFields", [])
        if one.get("subresource") == "status" and one["manager"] != "pinnedrelease-controller"
    ]
    if not metadata["managedFields"]:
        del metadata["managedFields"]
    metadata.get("annotations", {}).pop("kubectl.kubernetes.io/last-applied-configuration", None)
    if not metadata.get("annotations"):
        metadata.pop("annotations", None)
    return plain
