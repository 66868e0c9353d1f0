"""D-06, A-09: somebody else's admission webhook moves images to a mirror, or does not answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

import pods
from faults.fault_world import WORKLOADS, A, B, World
from foreign_webhook import PODS, broken, moving, slow, webhook
from objects import deployment

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
row = pytest.mark.row
Webhook = Callable[..., AbstractContextManager[None]]

HOST, MIRROR = "registry.example.com", "mirror.example.com"
FROM_MIRROR = A.replace(HOST, MIRROR)
TO_MIRROR = moving(HOST, MIRROR)
REFUSED = ("True", "WriteRefused")
HELD_S = 8.0
"""Less than the pause after a first refusal."""
TOLD_S = 20.0
"""Failing lasts five seconds before it is told, ten when each write hangs for its five."""
OPERATORS = "system:serviceaccount:"
"""Whom a webhook is asked about that lets people alone."""


@pytest.fixture
def theirs(world: World, tmp_path: Path) -> Webhook:
    """A webhook for the namespace of the test."""
    return partial(webhook, world.plane, world.namespace.name, tmp_path)


@row("D-06 workload", "a webhook moves a Deployment's images", "told as it is, no fight")
def test_d06_a_pin_that_is_rewritten_is_not_called_in_force(world: World, theirs: Webhook) -> None:
    world.namespace.apply(deployment())
    with theirs(TO_MIRROR):
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
def test_d06_drift_that_a_webhook_keeps_stays_open(world: World, theirs: Webhook) -> None:
    world.adopt()
    with theirs(TO_MIRROR):
        world.drift()
        world.until(lambda: world.namespace.condition("Stalled") == REFUSED)

        time.sleep(HELD_S)
        (record,) = world.namespace.release()["status"]["drift"]
        assert record["actor"] == "kubectl-set"
        assert "correctTime" not in record
        assert world.namespace.image() == FROM_MIRROR
        drifted = pods.message(world.namespace, "Drifted")
        assert drifted.endswith("(by an admission webhook)")

    world.settles(A)
    world.check()


@row("D-06 pods", "a webhook moves the images of pods", "content decides, not the host")
def test_d06_pods_that_run_the_content_from_a_mirror_are_right(
    world: World, theirs: Webhook
) -> None:
    with theirs(TO_MIRROR, PODS):
        world.adopt()
        (pod,) = pods.current(world.namespace)
        assert pod["spec"]["containers"][0]["image"] == FROM_MIRROR
        assert world.is_quiet()
        assert world.namespace.condition("Drifted") == ("False", "NoDriftDetected")
    world.check()


@pytest.mark.parametrize(
    "behave", [broken, pytest.param(slow(7), marks=pytest.mark.minutes)], ids=["broken", "slow"]
)
@row("A-09 webhook", "a webhook breaks, or takes 7 s", "drift is told, retries are bounded")
def test_a09_drift_is_told_while_a_webhook_keeps_us_from_it(
    world: World, theirs: Webhook, behave: Callable[..., dict[int, str]]
) -> None:
    world.adopt()
    with theirs(behave, users=OPERATORS):
        world.drift()
        world.until(lambda: world.namespace.condition("Stalled") == REFUSED, TOLD_S)

        assert "does not get through" in pods.message(world.namespace)
        assert world.namespace.condition("Drifted") == ("True", "TemplateChanged")
        before = len(world.writes())
        time.sleep(HELD_S)
        assert len(world.writes()) - before <= 2

    world.settles(A, 45)
    world.promote()
    world.settles(B)
    world.check()


@row("A-09 touch", "a webhook breaks; the pair before comes back", "the touch is told, not skipped")
def test_a09_a_pair_that_comes_back_is_not_in_force_before_its_touch(
    world: World, theirs: Webhook
) -> None:
    world.adopt()
    with theirs(broken, users=OPERATORS):
        world.promote()
        world.until(lambda: world.namespace.condition("Stalled") == REFUSED, TOLD_S)
        world.declare()
        newest = world.namespace.release()["metadata"]["generation"]

        def is_told() -> bool:
            status = world.namespace.release()["status"]
            is_newest = status.get("observedGeneration") == newest
            return is_newest and world.namespace.condition("Stalled") == REFUSED

        world.until(is_told, TOLD_S)
        assert [one[-1] for one in world.history()][:2] == ["Planned", "Planned"]

    world.settles(A, 45)
    assert [one[-1] for one in world.history()][:2] == ["Succeeded", "NotApplied"]
    world.check()
