"""One operator behind the proxy, one namespace, and what must hold whatever was done to them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from controlplane.plane import ControlPlane
from faults.calls import When
from faults.fault_proxy import FaultProxy, Seen
from namespace import Namespace, eventually
from objects import DIGEST_A, DIGEST_B, REPOSITORY, UNASKED, deployment, pinned_release
from operator_process import OperatorProcess

A, B = f"{REPOSITORY}@{DIGEST_A}", f"{REPOSITORY}@{DIGEST_B}"
WORKLOADS = frozenset({"deployments", "statefulsets", "daemonsets", "cronjobs"})
ALLOWED = {
    "pinnedreleases": {"get", "list", "watch"},
    "pinnedreleases/status": {"patch"},
    **{name: {"get", "list", "watch", "patch"} for name in WORKLOADS},
    **{name: {"list"} for name in ("replicasets", "controllerrevisions")},
    "pods": {"list", "watch"},
    "events": {"create"},
    "leases": {"get", "update", "create"},
    "selfsubjectaccessreviews": {"create"},
}
"""P-8: every verb that the operator may ever use."""
QUIET_S = 2.0
COMES_TO_REST_S = 20.0
SETTLE_S = 60.0
WRITES_OF_A_CHANGE = 4


class World:
    """What a test of a fault looks at and acts on."""

    def __init__(
        self, plane: ControlPlane, proxy: FaultProxy, operator: OperatorProcess, name: str
    ) -> None:
        self.plane, self.proxy, self.operator = plane, proxy, operator
        self.namespace = Namespace(plane, name)
        self.declared: set[str] = set()
        """Every image that was ever declared here."""
        self.restarts = 0

    def declare(self, digest: str = DIGEST_A, tag: str = "1.0", **spec: object) -> None:
        """Apply a PinnedRelease that asks no registry."""
        self.declared.add(f"{REPOSITORY}@{digest}")
        self.namespace.apply(
            pinned_release(digest=digest, tag=tag, **{"registry": UNASKED, **spec})  # type: ignore[arg-type]
        )

    def declare_many(self, names: Sequence[str], digest: str, tag: str) -> None:
        """One PinnedRelease for each Deployment of these names."""
        self.declared.add(f"{REPOSITORY}@{digest}")
        self.namespace.apply(
            *(
                pinned_release(name, target=name, digest=digest, tag=tag, registry=UNASKED)
                for name in names
            )
        )

    def adopt(self) -> None:
        """A Deployment on digest A, at rest."""
        self.namespace.apply(deployment())
        self.declare()
        self.settles(A)

    def promote(self) -> None:
        """Declare digest B."""
        self.declare(DIGEST_B, "1.1")

    def drift(self, image: str = f"{REPOSITORY}:1.0") -> None:
        """Somebody sets another image."""
        self.namespace.kubectl("set", "image", "deploy/web", f"web={image}")

    def tend(self) -> None:
        """Do what a kubelet does: start a process again that has ended."""
        if self.operator.child.returncode is not None:
            self.restarts += 1
            self.operator.start()

    def settles(self, image: str, timeout_s: float = SETTLE_S) -> None:
        """Wait until the workload has an image and the status says that it is so."""

        def done() -> bool:
            self.tend()
            release = self.namespace.release()
            status = release.get("status", {})
            return (
                self.namespace.image() == image
                and status.get("observedGeneration") == release["metadata"]["generation"]
                and self.namespace.condition("Ready") == ("True", "Pinned")
            )

        eventually(done, self.explain, timeout_s)

    def until(self, is_true: Callable[[], bool], timeout_s: float = SETTLE_S) -> None:
        """Wait for anything else, keeping the operator alive."""

        def done() -> bool:
            self.tend()
            return is_true()

        eventually(done, self.explain, timeout_s)

    def explain(self) -> str:
        """What somebody would look at who wonders why."""
        return self.namespace.describe("web") + "\n" + self.operator.child.tail()

    def writes(self, resource: str | frozenset[str] | None = None) -> list[Seen]:
        """What this namespace's objects were asked to become."""
        when = When(resource=resource, namespace=self.namespace.name, writes=True)
        return self.proxy.seen(when)

    def is_quiet(self) -> bool:
        """Whether nothing is stored for a while; events on their way may take some time before."""
        deadline_s = time.monotonic() + COMES_TO_REST_S
        while time.monotonic() < deadline_s:
            before = self._stored()
            time.sleep(QUIET_S)
            if self._stored() == before:
                return True
        return False

    def stored_images(self) -> list[str]:
        """The images of every workload write that the API server took, oldest first."""
        return [
            image
            for seen in self.writes(WORKLOADS)
            if seen.is_stored
            for image in images_in(seen.document())
        ]

    def _stored(self) -> int:
        return sum(one.is_stored for one in self.writes())

    def check(self) -> None:
        """The promises that can be judged after any fault (P-1, P-3, P-4, P-7, P-8)."""
        last = [(one.call.verb, one.call.resource, one.status) for one in self.writes()[-5:]]
        assert self.is_quiet(), f"it still writes: {last}"
        for seen in self.proxy.seen():
            assert seen.call.verb in ALLOWED.get(seen.call.resource, {seen.call.verb}), seen.call
        for seen in self.writes(WORKLOADS):
            for image in images_in(seen.document()):
                assert image in self.declared, f"{image} was written and never declared"
        history = self.namespace.release().get("status", {}).get("history", [])
        revisions = [entry["revision"] for entry in history]
        assert revisions == sorted(set(revisions), reverse=True)
        written = set(self.stored_images())
        kept = {f"{entry['repository']}@{entry['digest']}" for entry in history}
        assert written <= kept, f"{written - kept} ran and is in no history"

    def history(self) -> list[tuple[int, str, str, str]]:
        """Revision, digest, action, result; newest first."""
        return self.namespace.history()


def images_in(document: Mapping[str, Any]) -> Iterator[str]:
    """The images that a write of a workload names."""
    spec = document.get("spec", {})
    pod = spec.get("jobTemplate", {"spec": spec}).get("spec", {}).get("template", {})
    for field in ("initContainers", "containers"):
        for container in pod.get("spec", {}).get(field, []):
            yield container["image"]


def as_json(line: bytes) -> Any:
    """An event of a watch."""
    return json.loads(line)
