"""L: two operators, of which one may write; and many changes at once."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from aiohttp import web

import operator_process
from controlplane.plane import ControlPlane
from faults.calls import When
from faults.exchange import Exchange
from faults.fault_proxy import FaultProxy
from faults.fault_world import WORKLOADS, A, B, World, images_in
from faults.faults import Fault, drop, hang, respond
from namespace import eventually
from objects import DIGEST_A, REPOSITORY, deployment
from operator_process import OperatorProcess

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
row = pytest.mark.row

LEASES = When(resource="leases")
WRITES = When(resource=frozenset({"pinnedreleases/status", *WORKLOADS}), writes=True)
RENEW_DEADLINE_S = 10.0
TAKE_OVER_S = 20.0


class Pair:
    """Two operators, each behind a proxy of its own, so that the record tells who wrote."""

    def __init__(self, plane: ControlPlane, folder: Path, name: str, stack: ExitStack) -> None:
        self.plane, self.name = plane, name
        self.proxies: dict[str, FaultProxy] = {}
        self.operators: dict[str, OperatorProcess] = {}
        token = plane.kubectl(
            "create", "token", operator_process.ACCOUNT, "-n", operator_process.NAMESPACE
        ).stdout.strip()
        for identity in ("first", "second"):
            (folder / identity).mkdir()
            proxy = stack.enter_context(FaultProxy(plane, folder / identity))
            operator = OperatorProcess(
                proxy.kubeconfig(token), folder / identity, f"--namespace={name}",
                "--target-grace=2", "--leader-election", f"--lease-namespace={name}",
                f"--identity={identity}",
            )  # fmt: skip
            self.proxies[identity] = proxy
            self.operators[identity] = stack.enter_context(operator)
            self.wait_for_holder("first")

    def holder(self) -> str:
        return self.plane.kubectl(
            "get", "lease", "pinnedrelease-controller", "-n", self.name,
            "-o", "jsonpath={.spec.holderIdentity}", check=False,
        ).stdout  # fmt: skip

    def wait_for_holder(self, identity: str, within_s: float = TAKE_OVER_S) -> None:
        eventually(lambda: self.holder() == identity, self.holder, within_s)

    def stored(self, identity: str, since_s: float = 0.0) -> int:
        """How many writes of this one the API server took."""
        seen = self.proxies[identity].seen(WRITES, since_s)
        return sum(one.is_stored for one in seen)


@pytest.fixture
def pair(plane: ControlPlane, world: World, tmp_path: Path) -> Iterator[Pair]:
    """The world's own operator gives way to two."""
    world.operator.stop()
    name = world.namespace.name
    plane.kubectl("create", "role", "leases", "-n", name, "--resource=leases",
                  "--verb=create,get,update")  # fmt: skip
    plane.kubectl(
        "create", "rolebinding", "leases", "-n", name, "--role=leases",
        f"--serviceaccount={operator_process.NAMESPACE}:{operator_process.ACCOUNT}",
    )  # fmt: skip
    with ExitStack() as stack:
        yield Pair(plane, tmp_path, name, stack)


def settles(world: World, image: str, timeout_s: float = 30) -> None:
    """As World.settles, without an operator to look after."""
    eventually(lambda: world.namespace.image() == image, lambda: world.namespace.describe("web"),
               timeout_s)  # fmt: skip
    world.namespace.wait_ready(timeout_s=timeout_s)


@row("L-01", "two replicas, no fault", "one writer")
def test_l01_one_writer(world: World, pair: Pair) -> None:
    world.namespace.apply(deployment())
    world.declare()
    settles(world, A)
    world.promote()
    settles(world, B)

    assert pair.stored("first") > 0
    assert pair.proxies["second"].seen(WRITES) == []


@pytest.mark.parametrize(
    "seconds", [20, pytest.param(60, marks=pytest.mark.minutes)], ids=["20s", "60s"]
)
@row("L-02", "the leader is paused at a write, which arrives late", "refused; the process ends")
def test_l02_paused_at_a_write(world: World, pair: Pair, seconds: int) -> None:
    world.namespace.apply(deployment())
    world.declare()
    settles(world, A)
    first = pair.operators["first"]
    released = asyncio.Event()

    async def held(exchange: Exchange) -> web.StreamResponse:
        os.kill(first.child.pid, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        answer = await exchange.relay()
        os.kill(first.child.pid, signal.SIGCONT)
        released.set()
        return answer

    pair.proxies["first"].add(When(verb="patch", resource="deployments"), held, times=1)
    world.promote()
    pair.wait_for_holder("second", TAKE_OVER_S + 2)
    world.declare(DIGEST_A, "1.2")
    settles(world, A)
    world.drift()
    settles(world, A)

    eventually(released.is_set, first.child.tail, seconds + 10)
    eventually(lambda: first.child.returncode is not None, first.child.tail, 10)
    late = [
        one for one in pair.proxies["first"].seen(When(resource="deployments", writes=True))
        if B in set(images_in(one.document()))
    ]  # fmt: skip
    assert [one.is_stored for one in late] == [False]
    assert world.namespace.image() == A
    assert first.child.returncode == 1


@pytest.mark.parametrize(
    "fault",
    [respond(503), hang(), respond(409), respond(404), drop()],
    ids=["refused", "hung", "409", "deleted", "cut-off"],
)
@row("L-03 L-04", "the leader cannot renew its Lease", "stops in 10 s; the other takes over in 20")
def test_l03_l04_lease_trouble(world: World, pair: Pair, fault: Fault) -> None:
    world.namespace.apply(deployment())
    world.declare()
    settles(world, A)
    since_s = time.monotonic()
    pair.proxies["first"].add(LEASES, fault)
    deadline_s = since_s + RENEW_DEADLINE_S + 2

    pair.wait_for_holder("second", TAKE_OVER_S)
    while time.monotonic() < deadline_s:
        time.sleep(0.2)
    world.promote()
    settles(world, B)

    assert pair.stored("first", deadline_s) == 0
    assert pair.stored("second", since_s) > 0
    first = pair.operators["first"].child
    eventually(lambda: first.returncode is not None, first.tail, 15)


@row("L-04", "somebody deletes the Lease", "the leader ends; the other waits until it must have")
def test_l04_deleted_lease(world: World, pair: Pair) -> None:
    """The API server makes a Lease anew that is overwritten without its uid."""
    world.namespace.apply(deployment())
    world.declare()
    settles(world, A)
    since_s = time.monotonic()
    pair.plane.kubectl("delete", "lease", "pinnedrelease-controller", "-n", pair.name)
    first = pair.operators["first"].child

    eventually(lambda: first.returncode is not None, first.tail, 10)
    ended_s = time.monotonic()
    pair.wait_for_holder("second", TAKE_OVER_S)
    assert time.monotonic() - since_s > RENEW_DEADLINE_S
    world.promote()
    settles(world, B)

    assert pair.stored("first", ended_s) == 0
    assert pair.stored("second", ended_s) > 0


@row("L-07", "100 changes of 10 objects within seconds", "each final state; writes <= changes")
def test_l07_burst(world: World) -> None:
    names = [f"web-{number}" for number in range(10)]
    world.namespace.apply(*(deployment(name, images={"web": f"{REPOSITORY}:1"}) for name in names))
    digests = [f"sha256:{number:064x}" for number in range(1, 11)]
    world.declared |= {f"{REPOSITORY}@{digest}" for digest in digests}
    for number, digest in enumerate(digests):
        world.declare_many(names, digest, f"1.{number}")
    wanted = f"{REPOSITORY}@{digests[-1]}"

    for name in names:
        world.until(lambda name=name: world.namespace.image(name, "web") == wanted)  # type: ignore[misc]
    stored = world.stored_images()
    assert len(stored) <= len(names) * len(digests)
    assert set(stored) <= world.declared
