"""``make demo``: the main job on a real control plane, with real kubectl and its real output.

Every step checks what it shows; the first one that does not show what it claims ends the demo
with exit code 1. KEEP=1 leaves everything running until Ctrl-C.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import operator_process
from audit import AuditLog
from controlplane.binaries import BuildFailed, ensure
from controlplane.plane import ControlPlane
from controlplane.processes import ProcessFailed
from controlplane.registry import Registry
from namespace import Namespace
from operator_process import OperatorProcess

RELEASE = """\
apiVersion: pinnedrelease.dev/v1alpha1
kind: PinnedRelease
metadata: {{name: my-api}}
spec:
  repository: {repository}
  tag: "{tag}"
  digest: {digest}
  targetRef: {{name: my-api}}
"""


class StepFailed(Exception):
    """A step did not show what it claims."""


class Demo:
    """The story, step by step."""

    def __init__(self, plane: ControlPlane, registry: Registry) -> None:
        assert plane.audit_log is not None
        self._audit_log = plane.audit_log
        self._plane = plane
        self._registry = registry
        self._repository = f"{registry.address}/my-api"
        self._shop = Namespace(plane, "shop")
        self._first = registry.push_image("my-api", "1.4.2", b"first build").digest
        self._second = registry.push_image("my-api", "1.4.3", b"second build").digest

    def run(self) -> float:
        """Tell the story. Returns the measured correction time in seconds."""
        self._start()
        self._pin()
        correction_s = self._drift()
        self._promote()
        self._go_back()
        return correction_s

    def _start(self) -> None:
        say(f"Two builds of one image are in the registry {self._registry.address}:")
        print(f"  my-api:1.4.2  {self._first}\n  my-api:1.4.3  {self._second}")
        say("A Deployment uses a tag, as most do")
        self._plane.kubectl("create", "namespace", "shop")
        image = f"--image={self._repository}:1.4.2"
        self._kubectl("create", "deployment", "my-api", image, "--replicas=3")
        self._kubectl("rollout", "status", "deployment/my-api", "--timeout=60s")

    def _pin(self) -> None:
        say("A PinnedRelease holds both: the tag for people, the digest as the authority")
        self._apply("1.4.2", self._first)
        self._kubectl("wait", "--for=condition=Ready", "pinnedreleases/my-api", "--timeout=60s")
        self._image_must_be(self._first)
        shown = self._kubectl("get", "pinnedreleases")
        must(f"{self._first[7:19]}   3/3    True    Pinned" in shown, "3 of 3 pods pinned")

    def _drift(self) -> float:
        say("Somebody sets the image back to the tag")
        audit = AuditLog(self._audit_log, operator_process.USER)
        wrong = f"{self._repository}:1.4.2"
        self._kubectl("set", "image", "deployment/my-api", f"my-api={wrong}")
        correction_s = audit.answer_s("shop", "my-api")
        say(f"Corrected {correction_s * 1e3:.0f} ms after it was stored; who did it and when:")
        self._kubectl("wait", "--for=condition=Ready", "pinnedreleases/my-api", "--timeout=60s")
        self._image_must_be(self._first)
        drift = self._kubectl(
            "get", "pinnedreleases", "my-api", "-o",
            "custom-columns=ACTOR:.status.drift[0].actor,DETECTED:.status.drift[0].detectTime,"
            "CORRECTED:.status.drift[0].correctTime,FOUND:.status.drift[0].observed",
        )  # fmt: skip
        must("kubectl-set" in drift, "the actor in the drift record")
        events = self._kubectl(
            "get", "events", "--field-selector=involvedObject.kind=PinnedRelease",
            "--sort-by=.metadata.resourceVersion",
            "-o=custom-columns=TYPE:.type,REASON:.reason,MESSAGE:.message",
        )  # fmt: skip
        must("DriftCorrected" in events, "an event that says so")
        return correction_s

    def _promote(self) -> None:
        say("Promotion: a new pair, declared")
        self._apply("1.4.3", self._second)
        self._wait_for_revision(2)
        self._image_must_be(self._second)
        self._kubectl("get", "pinnedreleases")

    def _go_back(self) -> None:
        say("The tag 1.4.2 is pushed again with other content: a tag names no content")
        moved = self._registry.push_image("my-api", "1.4.2", b"something else").digest
        print(f"  my-api:1.4.2  {moved}")
        say("Return to the exact first digest: the pair from the history, not the tag")
        self._apply("1.4.2", self._first)
        self._wait_for_revision(3)
        self._image_must_be(self._first)
        say("The history names content")
        columns = (
            "jsonpath={range .status.history[*]}{.revision}{'\\t'}{.tag}{'\\t'}{.digest}{'\\t'}"
            "{.action}{'\\t'}{.result}{'\\t'}{.deployTime}{'\\n'}{end}"
        )
        history = self._kubectl("get", "pinnedreleases", "my-api", "-o", columns)
        actions = [line.split("\t")[3] for line in history.splitlines()]
        must(actions == ["Rollback", "Promote", "Initial"], f"three revisions, not {actions}")
        shown = self._kubectl("rollout", "history", "deployment/my-api")
        must("rev 3" in shown, "the pair beside the Deployment's own revision")

    def _apply(self, tag: str, digest: str) -> None:
        document = RELEASE.format(repository=self._repository, tag=tag, digest=digest)
        print("\n".join(f"    {line}" for line in document.splitlines()))
        self._kubectl("apply", "-f", "-", stdin=document)

    def _wait_for_revision(self, number: int) -> None:
        for condition in (f"jsonpath={{.status.revision}}={number}", "condition=Ready"):
            self._kubectl("wait", f"--for={condition}", "pinnedreleases/my-api", "--timeout=60s")

    def _image_must_be(self, digest: str) -> None:
        path = "jsonpath={.spec.template.spec.containers[0].image}{'\\n'}"
        image = self._kubectl("get", "deployment", "my-api", "-o", path).strip()
        must(image == f"{self._repository}@{digest}", f"the digest {digest}, not {image}")

    def _kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        shown = " ".join(f"'{one}'" if set(one) & set(" {$[*") else one for one in arguments)
        print(f"\n$ kubectl -n shop {shown}", flush=True)
        output = self._shop.kubectl(*arguments, stdin=stdin)
        print(output, end="", flush=True)
        return output


def must(holds: bool, claim: str) -> None:  # noqa: FBT001 - reads like the sentence it is
    """End the demo when a claim does not hold."""
    if not holds:
        raise StepFailed(f"expected {claim}")


def say(text: str) -> None:
    """A headline."""
    print(f"\n=== {text}", flush=True)


def main() -> int:
    """Run the demo once."""
    try:
        binaries = ensure()
        say("Starting etcd, kube-apiserver, controllers, simulated nodes, a registry")
        started = time.monotonic()
        with ControlPlane(binaries) as plane:
            registry = plane.start_registry()
            operator_process.install(plane)
            kubeconfig = plane.service_account_kubeconfig(
                operator_process.NAMESPACE, operator_process.ACCOUNT
            )
            with OperatorProcess(kubeconfig, plane.folder):
                print(f"ready in {time.monotonic() - started:.1f} s")
                correction_s = Demo(plane, registry).run()
                print(f"\nDemo passed. The wrong image stood for {correction_s * 1e3:.0f} ms.")
                keep_running(plane, os.environ.get("KEEP") == "1", sigwait)
    except (BuildFailed, ProcessFailed, StepFailed, RuntimeError, TimeoutError) as error:
        print(f"\nDemo FAILED: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def keep_running(plane: ControlPlane, wanted: bool, wait: Callable[[], None]) -> None:  # noqa: FBT001
    """With KEEP=1: say how to look around and wait for Ctrl-C."""
    if wanted:
        print(f"\nEverything keeps running until Ctrl-C. In another terminal:\n"
              f"  export KUBECONFIG={plane.admin_kubeconfig}\n"
              f"  {plane.kubectl_path} -n shop get pinnedreleases", flush=True)  # fmt: skip
        wait()


def sigwait() -> None:
    """Wait for Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        signal.pause()


if __name__ == "__main__":
    sys.exit(main())
