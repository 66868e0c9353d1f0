"""D-06: somebody else's admission webhook moves images to a mirror of the registry."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import pods
from faults.fault_world import WORKLOADS, A, World
from objects import deployment
from rewriting_webhook import DEPLOYMENTS, PODS, rewriting

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
row = pytest.mark.row

HOST, MIRROR = "registry.example.com", "mirror.example.com"
FROM_MIRROR = A.replace(HOST, MIRROR)
REFUSED = ("True", "WriteRefused")
HELD_S = 8.0
"""Less than the pause after a first refusal."""


@row("D-06 workload", "a webhook moves a Deployment's images", "told as it is, no fight")
def test_d06_a_pin_that_is_rewritten_is_not_called_in_force(world: World, tmp_path: Path) -> None:
    world.namespace.apply(deployment())
    with rewriting(world.plane, world.namespace.name, tmp_path, DEPLOYMENTS, HOST, MIRROR):
        world.declare()
        world.until(lambda: world.namespace.condition("Stalled") == REFUSED)

        assert f"stored with {FROM_MIRROR}" in pods.message(world.namespace)
        status = world.namespace.release()["status"]
        assert [one["result"] for one in status["history"]] == ["Planned"]
        assert not status.get("drift")
        before = len(world.writes(WORKLOADS))
        time.sleep(HELD_S)
        assert len(world.writes(WORKLOADS)) == before

    world.settles(A)
    world.check()


@row("D-06 drift", "the same, while drift is put right", "who began it stays named, no fight")
def test_d06_drift_that_a_webhook_keeps_stays_open(world: World, tmp_path: Path) -> None:
    world.adopt()
    with rewriting(world.plane, world.namespace.name, tmp_path, DEPLOYMENTS, HOST, MIRROR):
        world.drift()
        world.until(lambda: world.namespace.condition("Stalled") == REFUSED)

        time.sleep(HELD_S)
        (record,) = world.namespace.release()["status"]["drift"]
        assert record["actor"] == "kubectl-set"
        assert "correctTime" not in record
        assert world.namespace.image() == FROM_MIRROR

    world.settles(A)
    world.check()


@row("D-06 pods", "a webhook moves the images of pods", "content decides, not the host")
def test_d06_pods_that_run_the_content_from_a_mirror_are_right(
    world: World, tmp_path: Path
) -> None:
    world.namespace.apply(deployment())
    with rewriting(world.plane, world.namespace.name, tmp_path, PODS, HOST, MIRROR):
        world.adopt()
        (pod,) = pods.current(world.namespace)
        assert pod["spec"]["containers"][0]["image"] == FROM_MIRROR
        assert world.is_quiet()
        assert world.namespace.condition("Drifted") == ("False", "NoDriftDetected")
    world.check()
