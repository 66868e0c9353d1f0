"""A namespace in which everything that the dashboard shows has really happened."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import operator_process
from controlplane.cluster import Cluster
from controlplane.registry import Registry
from namespace import Namespace, eventually
from objects import UNASKED, cron_job, deployment, pinned_release, stateful_set
from operator_process import OperatorProcess
from pinrel import pinrel

BROKEN = "sha256:dead" + "0" * 60
"""Pods of the tests never become ready on such a digest."""
EXAMPLE = "registry.example.com/shop"


@contextmanager
def operator_beside(
    cluster: Cluster, registry: Registry, folder: Path
) -> Iterator[OperatorProcess]:
    """An operator that may ask this registry."""
    kubeconfig = cluster.service_account_kubeconfig(
        operator_process.NAMESPACE, operator_process.ACCOUNT
    )
    flags = (
        f"--registry-private-host={registry.address}",
        f"--registry-plain-http={registry.address}",
        "--target-grace=2",
    )
    with OperatorProcess(kubeconfig, folder, *flags) as process:
        yield process


class Scene:
    """The releases of a shop, told step by step. ``pause_s`` is how long each step lasts."""

    def __init__(self, namespace: Namespace, registry: Registry, pause_s: float) -> None:
        self.namespace = namespace
        self._registry = registry
        self._pause_s = pause_s
        self._path = f"{namespace.name}/my-api"
        self.repository = f"{registry.address}/{self._path}"

    def my_api(self) -> None:
        """Two promotions, a correction, an override back, and a tag that moves."""
        builds = [self._push(f"1.4.{number}", b"build %d" % number) for number in range(3)]
        image = f"{self.repository}:1.4.0"
        self.namespace.apply(deployment("my-api", images={"my-api": image}, replicas=3))
        for number, digest in enumerate(builds):
            self._pin(digest, f"1.4.{number}", f"acme/my-api@9d1c2e{number}")
            if number == 1:
                wrong = f"my-api={self.repository}:latest"
                self.namespace.kubectl("set", "image", "deployment/my-api", wrong)
                self.wait_correction("my-api")
                self._pause()
        reason = "1.4.2 answers 500 at checkout, INC-4711"
        said = pinrel(
            "rollback", "my-api", "--override", "--to-revision=2", f"--reason={reason}",
            namespace=self.namespace,
        )  # fmt: skip
        assert said.code == 0, said.err
        self.namespace.wait_ready("my-api", "RolledBack")
        self._pause()
        self._push("1.4.1", b"another build under the same tag")
        self.wait_condition("my-api", "TagMoved", ("True", "TagPointsElsewhere"))

    def neighbours(self) -> None:
        """One release for each state, with images that no registry is asked for."""
        for number in range(3):
            self._example("cart", f"3.{number}", number)
        self._example("ledger", "2026.11", 1, kind="StatefulSet")
        self._example("mailer", "0.9.3", 1, kind="CronJob")
        self._example("search", "5.1", 1)
        self._example("search", "5.1", 1, driftPolicy="Report")
        self.namespace.kubectl("set", "image", "deployment/search", f"search={EXAMPLE}/search:dev")
        self._example("checkout", "2.0", 1, onFailure="RollBack", timeout="6s")
        self._example("checkout", "2.1", 0, digest=BROKEN, onFailure="RollBack", timeout="6s")
        self._example("images", "1.0", 1)
        self._example("images", "1.1", 0, digest=BROKEN.replace("dead0", "dead7"))
        self._example("tracking", "4.2", 1)
        said = pinrel("suspend", "tracking", namespace=self.namespace)
        assert said.code == 0, said.err
        self.namespace.apply(
            pinned_release("gift-cards", target="gift-cards", digest=_digest("gift", 1))
        )
        self.wait_condition("gift-cards", "Ready", ("False", "TargetNotFound"))
        self.wait_condition("search", "Ready", ("False", "Drifted"))
        self.wait_condition("checkout", "Ready", ("False", "RolloutFailed"))
        self.wait_condition("images", "Ready", ("Unknown", "Progressing"))

    def wait_condition(self, name: str, kind: str, wanted: tuple[str, str]) -> None:
        """Wait for status and reason of a condition."""
        eventually(
            lambda: self.namespace.condition(kind, name) == wanted,
            lambda: f"wanted {kind} {wanted}\n{self.namespace.describe(name)}",
            60,
        )

    def wait_correction(self, name: str) -> None:
        """Wait until drift was found and put right."""

        def is_corrected() -> bool:
            found = self.namespace.release(name)["status"].get("drift", [])
            return any("correctTime" in one for one in found)

        eventually(is_corrected, lambda: self.namespace.describe(name), 60)
        self.namespace.wait_ready(name, timeout_s=60)

    def _example(
        self, name: str, tag: str, number: int, *, kind: str = "Deployment", **spec: object
    ) -> None:
        """Declare a pair; the workload comes with the first of them."""
        repository = f"{EXAMPLE}/{name}"
        images = {name: f"{repository}:{tag}"}
        made = {
            "Deployment": lambda: deployment(name, images=images, replicas=2),
            "StatefulSet": lambda: stateful_set(name, images=images),
            "CronJob": lambda: cron_job(name, images=images),
        }[kind]()
        group = "batch" if kind == "CronJob" else "apps"
        target = {"apiVersion": f"{group}/v1", "kind": kind, "name": name}
        digest = spec.pop("digest", None) or _digest(name, number)
        release = pinned_release(
            name, repository=repository, tag=tag, digest=str(digest), target=target,
            registry=UNASKED, **spec,
        )  # fmt: skip
        is_new = not self.namespace.kubectl("get", kind, name, "--ignore-not-found")
        self.namespace.apply(*([made] if is_new else []), release)
        if not str(digest).startswith("sha256:dead"):
            self.namespace.wait_ready(name, timeout_s=60)

    def _push(self, tag: str, content: bytes) -> str:
        return self._registry.push_image(self._path, tag, content, ("linux/amd64",)).digest

    def _pin(self, digest: str, tag: str, cause: str) -> None:
        pinned = pinned_release(
            "my-api",
            repository=self.repository,
            digest=digest,
            tag=tag,
            target="my-api",
            interval="2s",
            changeCause=cause,
        )
        self.namespace.apply(pinned)
        self.namespace.wait_ready("my-api", timeout_s=60)
        self._pause()

    def _pause(self) -> None:
        time.sleep(self._pause_s)


def _digest(name: str, number: int) -> str:
    return "sha256:" + hashlib.sha256(f"{name} {number}".encode()).hexdigest()
