"""K: the process is killed, asked to end, killed twice, or starts on an older list."""

from __future__ import annotations

import itertools
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from controlplane.plane import ControlPlane
from faults.calls import When
from faults.fault_world import A, B, World
from faults.faults import Fault, drop, lose_answer, replay
from objects import DIGEST_A, DIGEST_B, REPOSITORY, deployment
from pinrel import pinrel

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
row = pytest.mark.row

Deadly = Callable[[Callable[[], None]], Fault]
FIRST, LAST = 1, 14
"""A scenario has so many writes at the most."""
OTHER_LISTS = ("deployments", "pods")
PAIRS = 6
PAIRS_OF_THE_WHOLE = 30


def adopt_promote_correct(world: World) -> None:
    """The scenario, with whatever strikes it; then everything must be as if nothing had."""
    world.namespace.apply(deployment())
    world.declare()
    world.settles(A)
    world.promote()
    world.settles(B)
    world.drift()
    world.settles(B)
    world.check()
    assert world.history() == [
        (2, DIGEST_B, "Promote", "Succeeded"),
        (1, DIGEST_A, "Initial", "Succeeded"),
    ]


@row("K-03", "SIGTERM while a write is under way", "ends within 10 s with code 0, converges")
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_k03_sigterm_at_a_write(world: World, number: int) -> None:
    asked: list[float] = []

    def ask_to_end() -> None:
        asked.append(time.monotonic())
        os.kill(world.operator.child.pid, signal.SIGTERM)

    world.proxy.add(When(writes=True), lose_answer(ask_to_end), skip=number - 1, times=1)
    child = world.operator.child
    world.namespace.apply(deployment())
    world.declare()
    world.until(lambda: bool(asked))
    while child.returncode is None:
        assert time.monotonic() - asked[0] < 10
        time.sleep(0.05)
    assert child.returncode == 0

    adopt_promote_correct(world)


@pytest.mark.parametrize("deadly", [drop, lose_answer], ids=["before", "after"])
@row("K-04", "two kills in a row", "converges, nothing is lost or doubled")
def test_k04_two_kills(world: World, deadly: Deadly) -> None:
    chosen = random.Random(4)  # noqa: S311 - the same pairs every time
    pairs = list(itertools.product(range(FIRST, LAST), repeat=2))
    count = PAIRS_OF_THE_WHOLE if os.environ.get("PINREL_MATRIX") == "whole" else PAIRS
    for first, second in chosen.sample(pairs, count):
        world.proxy.forget()
        for skip in (first - 1, second - 1):
            world.proxy.add(When(writes=True), deadly(world.operator.kill), skip=skip, times=1)
        adopt_promote_correct(world)
        world.namespace.kubectl("delete", "pinnedreleases,deployments", "--all", "--wait")


@pytest.mark.parametrize(
    "resource",
    ["pinnedreleases", *(pytest.param(one, marks=pytest.mark.minutes) for one in OTHER_LISTS)],
)
@row("K-08", "killed three times while it lists, as by a memory limit", "the next start converges")
def test_k08_killed_while_it_lists(world: World, resource: str) -> None:
    world.adopt()
    world.operator.kill()
    struck = world.proxy.add(
        When(verb="list", resource=resource), lose_answer(world.operator.kill), times=3
    )
    world.promote()
    world.drift()

    world.settles(B)
    world.check()
    assert struck.struck == 3
    assert world.history() == [
        (2, DIGEST_B, "Promote", "Succeeded"),
        (1, DIGEST_A, "Initial", "Succeeded"),
    ]


@pytest.mark.parametrize("fault", [drop, lose_answer], ids=["before", "after"])
@row("K-05", "`pinrel rollback` breaks off at its write", "the spec is the old or the new one")
def test_k05_rollback_breaks_off(
    world: World, proxied_admin: Path, fault: Callable[[], Fault]
) -> None:
    world.adopt()
    world.promote()
    world.settles(B)
    world.proxy.add(When(verb="patch", resource="pinnedreleases"), fault(), times=1)

    said = pinrel(
        "rollback", "web", "--to-revision", "1", "--yes", "-n", world.namespace.name,
        "--kubeconfig", str(proxied_admin),
    )  # fmt: skip

    spec = world.namespace.release()["spec"]
    assert (spec["tag"], spec["digest"]) in (("1.0", DIGEST_A), ("1.1", DIGEST_B))
    assert said.code != 0 or spec["digest"] == DIGEST_A
    world.settles(f"{REPOSITORY}@{spec['digest']}")
    world.check()


@pytest.fixture
def proxied_admin(plane: ControlPlane, world: World) -> Path:
    """A kubeconfig of somebody who may do everything, through the proxy."""
    plane.kubectl("create", "serviceaccount", "admin", "-n", world.namespace.name)
    plane.kubectl(
        "create", "rolebinding", "admin", "-n", world.namespace.name, "--clusterrole=cluster-admin",
        f"--serviceaccount={world.namespace.name}:admin",
    )  # fmt: skip
    token = plane.kubectl("create", "token", "admin", "-n", world.namespace.name).stdout.strip()
    return world.proxy.kubeconfig(token, "admin")


@pytest.mark.parametrize(
    "seconds", [30, pytest.param(300, marks=pytest.mark.minutes)], ids=["30s", "5min"]
)
@row("K-06", "SIGKILL every 3 s while specs change", "every applied digest is in the history once")
def test_k06_kill_loop(world: World, seconds: int) -> None:
    """Issue 9: and no image outside the declared set was ever stored."""
    world.namespace.apply(deployment())
    digests = [f"sha256:{number:064x}" for number in range(1, 2 * seconds)]
    chance = random.Random(6)  # noqa: S311
    ends_at_s = time.monotonic() + seconds
    next_kill_s = time.monotonic() + 3
    changes = 0
    while time.monotonic() < ends_at_s:
        world.declare(digests[changes], f"1.{changes}", revisionHistoryLimit=50)
        changes += 1
        pause_s = chance.uniform(0.1, 1.5)
        until_s = time.monotonic() + pause_s
        while time.monotonic() < until_s:
            if time.monotonic() > next_kill_s:
                world.operator.kill()
                next_kill_s = time.monotonic() + 3
            world.tend()
            time.sleep(0.05)

    world.settles(f"{REPOSITORY}@{digests[changes - 1]}")
    assert world.restarts >= seconds // 6
    stored = world.stored_images()
    assert set(stored) <= world.declared
    history = world.namespace.release()["status"]["history"]
    kept = [entry["digest"] for entry in history]
    assert len(kept) == len(set(kept))
    # Some of what is recorded never got into the workload, and the last entry may be an older one
    # that is kept because it succeeded: the record is whole as far as the one before it.
    whole_since = min(kept[:-1])
    never_applied = {entry["digest"] for entry in history if entry["result"] == "NotApplied"}
    for digest in (image.partition("@")[2] for image in stored):
        assert digest in kept or digest < whole_since, f"{digest} ran and is in no history"
        assert digest not in never_applied, f"{digest} ran and is said not to have"


@row("K-07", "killed, and started on an older list", "no write of the older digest")
def test_k07_older_list(world: World) -> None:
    world.adopt()
    path = f"/apis/pinnedrelease.dev/v1alpha1/namespaces/{world.namespace.name}/pinnedreleases"
    old = world.plane.kubectl("get", "--raw", path).stdout.encode()
    world.promote()
    world.settles(B)
    world.operator.kill()
    before = len(world.stored_images())
    world.proxy.add(When(verb="list", resource="pinnedreleases"), replay(old), times=1)
    world.operator.start()
    time.sleep(4)

    assert world.stored_images()[before:] == []
    world.settles(B)
    world.check()
