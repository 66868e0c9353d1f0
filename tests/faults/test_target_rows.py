"""T, D, F: the target's life, drift, and fights with others."""

from __future__ import annotations

import json
import random
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import operator_process
from faults.calls import When
from faults.fault_world import WORKLOADS, A, B, World
from faults.faults import respond
from namespace import eventually, stays
from objects import (
    DIGEST_A,
    DIGEST_B,
    DIGEST_C,
    REPOSITORY,
    UNASKED,
    cron_job,
    deployment,
    pinned_release,
)
from operator_process import OperatorProcess

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
row = pytest.mark.row

CRD = "pinnedreleases.pinnedrelease.dev"


@row("T-01", "the target is deleted", "TargetNotFound, no write, not created by us")
def test_t01_target_deleted(world: World) -> None:
    world.adopt()
    world.namespace.kubectl("delete", "deploy", "web", "--wait")
    before = len(world.writes(WORKLOADS))

    world.until(lambda: world.namespace.condition("Stalled") == ("True", "TargetNotFound"))
    assert len(world.writes(WORKLOADS)) == before
    assert "web" not in world.namespace.kubectl("get", "deploy", "-o", "name")


@row("T-02", "the target is replaced by one of its name", "the new one is pinned")
def test_t02_target_replaced(world: World) -> None:
    world.adopt()
    for _ in range(3):
        world.namespace.kubectl("delete", "deploy", "web", "--wait=false", "--cascade=orphan")
        world.namespace.apply(deployment())

    world.settles(A)
    world.check()
    uid = world.namespace.get("deploy", "web")["metadata"]["uid"]
    last = [one for one in world.writes(WORKLOADS) if one.is_stored][-1]
    assert last.document()["metadata"]["uid"] == uid


@row("T-03", "a suspended CronJob, a paused Deployment", "pinned as well, no crash")
def test_t03_suspended_and_paused(world: World) -> None:
    suspended = cron_job("night")
    suspended["spec"] = {**suspended["spec"], "suspend": True}  # type: ignore[dict-item]
    world.namespace.apply(
        suspended,
        pinned_release("night", target={"kind": "CronJob", "apiVersion": "batch/v1",
                                        "name": "night"}, registry=UNASKED),
    )  # fmt: skip
    world.until(lambda: world.namespace.image("night", kind="cronjob") == A)
    world.adopt()
    world.namespace.kubectl("rollout", "pause", "deploy/web")
    world.promote()

    world.until(lambda: world.namespace.image() == B)
    assert world.restarts == 0


@row("T-04", "two PinnedReleases for one container", "the older wins, the other says Conflict")
def test_t04_two_pins(world: World) -> None:
    world.adopt()
    time.sleep(1.1)  # creationTimestamp has whole seconds; at the same one the uid decides
    world.declared.add(B)
    world.namespace.apply(pinned_release("later", digest=DIGEST_B, registry=UNASKED))

    world.until(lambda: world.namespace.condition("Stalled", "later") == ("True", "Conflict"))
    assert world.namespace.image() == A
    world.namespace.kubectl("delete", "pinnedreleases", "web")
    world.until(lambda: world.namespace.image() == B)
    assert stays(lambda: world.namespace.image() == B, 1)


@row("T-05", "two PinnedReleases for two containers", "both applied, in at most 2 rollouts")
def test_t05_two_containers(world: World) -> None:
    other = "registry.example.com/team/side"
    world.namespace.apply(deployment(images={"web": f"{REPOSITORY}:1", "side": f"{other}:1"}))
    world.namespace.apply(
        pinned_release("web", registry=UNASKED),
        pinned_release("side", repository=other, registry=UNASKED),
    )
    wanted = {"web": A, "side": f"{other}@{DIGEST_A}"}

    world.until(lambda: dict(world.namespace.images()) == wanted)
    for name in wanted:
        world.namespace.wait_ready(name)
    assert world.namespace.get("deploy", "web")["metadata"]["generation"] <= 3


@row("T-06", "the namespace is deleted", "it ends; nothing of ours holds it up")
def test_t06_namespace_deleted(world: World) -> None:
    world.adopt()
    world.namespace.cluster.kubectl("delete", "namespace", world.namespace.name, "--wait=false")

    eventually(
        lambda: "NotFound" in world.namespace.cluster.kubectl(
            "get", "namespace", world.namespace.name, check=False
        ).stderr,
        world.operator.child.tail,
        60,
    )  # fmt: skip
    assert world.operator.child.returncode is None


@row("T-07", "the PinnedRelease is deleted", "what runs is left as it is")
def test_t07_release_deleted(world: World) -> None:
    world.adopt()
    before = world.namespace.get("deploy", "web")["spec"]
    world.namespace.kubectl("delete", "pinnedreleases", "web")
    written = len(world.writes())
    time.sleep(2)

    assert world.namespace.get("deploy", "web")["spec"] == before
    assert len(world.writes()) == written


@row("T-08", "another tool's finalizer", "untouched")
def test_t08_foreign_finalizer(world: World) -> None:
    world.adopt()
    patch = json.dumps({"metadata": {"finalizers": ["example.com/keep"]}})
    world.namespace.kubectl("patch", "pinnedreleases", "web", "--type=merge", "-p", patch)
    world.promote()
    world.settles(B)
    world.namespace.kubectl("delete", "pinnedreleases", "web", "--wait=false")
    time.sleep(2)

    assert world.namespace.release()["metadata"]["finalizers"] == ["example.com/keep"]
    patch = json.dumps({"metadata": {"finalizers": None}})
    world.namespace.kubectl("patch", "pinnedreleases", "web", "--type=merge", "-p", patch)


@row("T-09", "the CRD is deleted and made again", "comes back, converges")
def test_t09_crd_again(world: World) -> None:
    world.adopt()
    kubectl = world.namespace.cluster.kubectl
    kubectl("delete", "crd", CRD, "--wait")
    time.sleep(3)
    operator_process.install_crd(world.namespace.cluster)
    assert world.namespace.image() == A
    # Until the CRD is there the process may end, again and again.
    world.until(lambda: _starts(world.operator))
    world.declare(DIGEST_B, "1.1")

    world.settles(B)


def _starts(operator: OperatorProcess) -> bool:
    return operator.child.returncode is None


@row("T-10", "the CRD is not there at the start", "one line that says what to do, code 1")
def test_t10_no_crd_at_the_start(world: World, proxied_kubeconfig: Path, tmp_path: Path) -> None:
    world.operator.stop()
    world.proxy.add(When(resource=""), respond(404))
    command = OperatorProcess(proxied_kubeconfig, tmp_path).command
    said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert said.returncode == 1
    assert said.stderr.strip() == (
        "pinrel controller: this cluster does not know PinnedReleases (pinnedrelease.dev/v1alpha1):"
        " install the CRD with kubectl apply --server-side -k crds, or apply your installation "
        "again"
    )


@row("T-11", "a watch is not allowed at the start", "one line that names it, code 1")
def test_t11_missing_right_at_the_start(world: World, tmp_path: Path) -> None:
    world.operator.stop()
    world.namespace.kubectl("create", "serviceaccount", "poor")
    kubeconfig = world.plane.service_account_kubeconfig(world.namespace.name, "poor")
    process = OperatorProcess(kubeconfig, tmp_path, f"--namespace={world.namespace.name}")
    said = subprocess.run(process.command, capture_output=True, text=True, timeout=30, check=False)

    assert said.returncode == 1
    (line,) = said.stderr.strip().splitlines()
    assert f"list deployments.apps in namespace {world.namespace.name}" in line
    assert "apply your installation again" in line


@row("D-01", "`kubectl set image` to a tag", "corrected within 5 s; reported with Report")
def test_d01_set_image(world: World) -> None:
    world.adopt()
    begun_s = time.monotonic()
    world.drift()
    world.until(lambda: world.namespace.image() == A, 5)
    assert time.monotonic() - begun_s < 5

    world.declare(driftPolicy="Report")
    world.drift()
    world.until(lambda: world.namespace.condition("Drifted") == ("True", "TemplateDrifted")
                or (world.namespace.condition("Drifted") or ("",))[0] == "True")  # fmt: skip
    assert world.namespace.image() == f"{REPOSITORY}:1.0"


@row("D-09", "a rollback with a full history", "oldest entries go first, never the two newest")
def test_d09_full_history(world: World) -> None:
    world.namespace.apply(deployment())
    for number in range(1, 6):
        world.declare(f"sha256:{number:064x}", f"1.{number}", revisionHistoryLimit=3)
        world.settles(f"{REPOSITORY}@sha256:{number:064x}")
    world.declare(f"sha256:{4:064x}", "1.4", revisionHistoryLimit=3)
    world.settles(f"{REPOSITORY}@sha256:{4:064x}")

    assert [(entry[0], entry[2]) for entry in world.history()] == [
        (6, "Rollback"), (5, "Promote"), (4, "Promote"),
    ]  # fmt: skip
    assert world.history()[1][1] == f"sha256:{5:064x}"


@contextmanager
def busy(work: Any) -> Iterator[None]:
    """Somebody else at work meanwhile."""
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            work()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)


@row("F-01", "the workload is scaled meanwhile", "replicas are never ours")
def test_f01_scaled_meanwhile(world: World) -> None:
    world.adopt()
    counts = iter(range(1, 10_000))

    def scale() -> None:
        world.namespace.kubectl("scale", "deploy/web", f"--replicas={1 + next(counts) % 4}")

    with busy(scale):
        for digest in (DIGEST_B, DIGEST_C, DIGEST_A):
            world.declare(digest, f"1.{digest[-1]}")
            world.until(lambda digest=digest: world.namespace.image().endswith(digest))  # type: ignore[misc]
    world.namespace.kubectl("scale", "deploy/web", "--replicas=2")

    def nudge() -> None:
        world.namespace.kubectl("annotate", "deploy/web", f"nudge={next(counts)}", "--overwrite")
        time.sleep(5)

    # The Deployment's own controller meets conflicts by the dozen: it waits up to 82 s after them,
    # and gives up after fifteen in a row, until something changes.
    with busy(nudge):
        world.settles(A, timeout_s=150)
    assert world.namespace.get("deploy", "web")["spec"]["replicas"] == 2
    for seen in world.writes(WORKLOADS):
        assert "replicas" not in seen.document()["spec"]


@pytest.mark.parametrize("how", ["set-image", "forced-apply"])
@row("F-02 F-03", "somebody sets the image again and again", "slows down, names them, goes on")
def test_f02_f03_a_fight(world: World, how: str) -> None:
    world.adopt()
    wrong = deployment(images={"web": f"{REPOSITORY}:1.0"})

    def undo() -> None:
        if how == "set-image":
            world.drift()
        else:
            world.namespace.kubectl(
                "apply", "--server-side", "--force-conflicts", "--field-manager=argocd-controller",
                "-f", "-", stdin=json.dumps(wrong),
            )  # fmt: skip
        time.sleep(0.3)

    def told() -> str:
        conditions = world.namespace.release()["status"]["conditions"]
        found = (one["message"] for one in conditions if one["reason"] == "DriftLoop")
        return next(found, "")

    with busy(undo):
        # A GitOps tool is named at its third visit, and slowed down at its sixth like anybody.
        world.until(lambda: "slowed down" in told())
        before = len(world.writes(WORKLOADS))
        time.sleep(8)
        assert len(world.writes(WORKLOADS)) - before <= 2
    assert ("kubectl-set" if how == "set-image" else "argocd-controller") in told()
    world.until(lambda: world.namespace.image() == A, 45)


@pytest.mark.parametrize(
    "rounds", [40, pytest.param(1000, marks=pytest.mark.minutes)], ids=["40", "1000"]
)
@row("F-04", "other fields change at the same time", "no field of anybody is lost")
def test_f04_other_fields(world: World, rounds: int) -> None:
    world.adopt()
    chance = random.Random(4)  # noqa: S311
    environment: dict[str, str] = {}
    for number in range(rounds):
        name = f"KEY_{chance.randrange(5)}"
        environment[name] = str(number)
        if chance.random() < 0.5:
            world.declare(chance.choice([DIGEST_A, DIGEST_B]), f"1.{number}")
        world.namespace.kubectl("set", "env", "deploy/web", f"{name}={number}")
    world.declare()
    world.settles(A)

    (container,) = world.namespace.get("deploy", "web")["spec"]["template"]["spec"]["containers"]
    assert {one["name"]: one["value"] for one in container["env"]} == environment


@row("F-05", "somebody else writes our status", "repaired, and not in a loop")
def test_f05_foreign_status(world: World) -> None:
    world.adopt()
    patch = {"status": {"digest": DIGEST_C, "tag": "9", "podSummary": "7/7"}}
    for _ in range(3):
        world.namespace.kubectl(
            "patch", "pinnedreleases", "web", "--subresource=status", "--type=merge",
            "-p", json.dumps(patch),
        )  # fmt: skip
        time.sleep(0.5)

    world.until(lambda: world.namespace.release()["status"]["digest"] == DIGEST_A)
    assert world.namespace.release()["status"]["podSummary"] == "1/1"
    world.check()
