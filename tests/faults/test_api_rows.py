"""A: the API server and etcd answer late, wrongly, or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from faults.calls import When
from faults.fault_world import WORKLOADS, A, B, World
from faults.faults import Fault, drop, edit, hang, lose_answer, respond
from namespace import stays
from objects import REPOSITORY

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
row = pytest.mark.row

STATUS = "pinnedreleases/status"
RELEASE = When(verb="get", resource="pinnedreleases")
TARGET = When(verb="get", resource="deployments")
STATUS_WRITE = When(verb="patch", resource=STATUS)
WORKLOAD_WRITE = When(verb="patch", resource="deployments")
TOUCHED = frozenset({STATUS, "pinnedreleases", "deployments"})
CALLS = {
    "get-release": RELEASE,
    "get-target": TARGET,
    "write-status": STATUS_WRITE,
    "write-target": WORKLOAD_WRITE,
}
every_call = pytest.mark.parametrize("when", CALLS.values(), ids=CALLS)
every_write = pytest.mark.parametrize(
    "when", [STATUS_WRITE, WORKLOAD_WRITE], ids=["write-status", "write-target"]
)
some_time = pytest.mark.parametrize(
    "seconds", [15, pytest.param(180, marks=pytest.mark.minutes)], ids=["15s", "3min"]
)


def provoke(world: World, when: When) -> None:
    """See to it that the next change makes this call: only a conflict is followed by reads."""
    if when.verb == "get":
        world.proxy.add(STATUS_WRITE, respond(409), times=1)


def promote_through(world: World) -> None:
    """The change that has to come through, and what must hold afterwards."""
    world.promote()
    world.settles(B)
    world.check()


@row("A-01", "the API server restarts", "converges; at most one restart")
def test_a01_api_server_restarts(world: World) -> None:
    world.adopt()
    world.plane.stop_component("kube-apiserver")
    time.sleep(5)
    world.plane.start_component("kube-apiserver")

    promote_through(world)
    assert world.restarts <= 1


def test_an_api_server_that_refuses_watches_for_a_moment_is_watched_again(world: World) -> None:
    """One that starts knows no roles yet. The watches were given up for five minutes."""
    world.adopt()
    world.plane.stop_component("kube-apiserver")
    with world.proxy.during(When(verb="watch"), respond(403)):
        world.plane.start_component("kube-apiserver")
        time.sleep(1)
    world.drift()

    world.until(lambda: world.namespace.image() == A, timeout_s=30)
    world.settles(A)
    world.check()
    assert world.restarts == 0


@some_time
@row("A-02", "the API server refuses connections", "fewer than 2 requests/s, converges")
def test_a02_api_server_down(world: World, seconds: int) -> None:
    world.adopt()
    since_s = time.monotonic()
    with world.proxy.during(When(), drop()):
        while time.monotonic() - since_s < seconds:
            world.tend()
            time.sleep(0.5)
    asked = len(world.proxy.seen(since_s=since_s))

    assert asked < 2 * seconds + 20, f"{asked} requests in {seconds} s"
    promote_through(world)


@some_time
@row("A-03", "every answer is 503", "may end and come back; no wrong write")
def test_a03_api_server_overloaded(world: World, seconds: int) -> None:
    world.adopt()
    since_s = time.monotonic()
    with world.proxy.during(When(), respond(503)):
        world.promote()
        while time.monotonic() - since_s < seconds:
            world.tend()
            time.sleep(0.5)

    world.settles(B)
    world.check()


@row("A-04", "etcd is killed and restarts", "writes fail and are repeated after a read")
def test_a04_etcd_killed(world: World) -> None:
    world.adopt()
    world.plane.restart("etcd", kill=True)

    promote_through(world)


def etcd(world: World, path: str, body: dict[str, object]) -> Any:
    """A request to etcd's JSON gateway."""
    answer = httpx.post(f"{world.plane.etcd}{path}", json=body, trust_env=False, timeout=10)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()


@row("A-05", "etcd is full (NOSPACE)", "nothing false is said; converges afterwards")
def test_a05_etcd_read_only(world: World) -> None:
    world.adopt()
    world.promote()
    world.settles(B)
    world.drift()
    world.settles(B)
    member = etcd(world, "/v3/maintenance/status", {})["header"]["member_id"]
    alarm = {"memberID": member, "alarm": "NOSPACE"}
    etcd(world, "/v3/maintenance/alarm", {**alarm, "action": "ACTIVATE"})
    try:
        time.sleep(5)
        release = world.namespace.release()
        assert release["status"]["observedGeneration"] == release["metadata"]["generation"]
    finally:
        etcd(world, "/v3/maintenance/alarm", {**alarm, "action": "DEACTIVATE"})

    world.drift()
    world.settles(B)
    world.check()


@row("A-06", "etcd is compacted and the API server restarts", "lists anew, misses no change")
def test_a06_compaction(world: World) -> None:
    world.adopt()
    world.plane.stop_component("kube-apiserver")
    revision = etcd(world, "/v3/maintenance/status", {})["header"]["revision"]
    etcd(world, "/v3/kv/compaction", {"revision": revision, "physical": True})
    world.plane.start_component("kube-apiserver")

    world.drift()
    world.settles(A)
    promote_through(world)


@every_write
@pytest.mark.parametrize("times", [1, 10])
@row("A-07", "a write meets 409", "reads and plans again")
def test_a07_conflicts(world: World, when: When, times: int) -> None:
    world.adopt()
    world.proxy.add(when, respond(409), times=times)

    promote_through(world)


@every_call
@row("A-08", "429 with Retry-After: 7", "waits at least 7 s")
def test_a08_too_many_requests(world: World, when: When) -> None:
    world.adopt()
    since_s = time.monotonic()
    rule = world.proxy.add(when, respond(429, **{"Retry-After": "7"}), times=1)
    provoke(world, when)

    promote_through(world)
    assert rule.struck == 1
    refused = next(one for one in world.proxy.seen(when, since_s=since_s) if one.status is None)
    after = [
        one.at_s - refused.at_s
        # The two reads of a pass are sent together.
        for one in world.proxy.seen(since_s=refused.at_s + 0.1)
        if one.call.resource in TOUCHED and one.call.verb != "watch"
    ]
    assert min(after) >= 6.9, "asked again before the pause was over"


@every_call
@row("A-09", "500 once, then for 15 s", "bounded retries")
def test_a09_server_errors(world: World, when: When) -> None:
    world.adopt()
    rule = world.proxy.add(when, respond(500), times=1)
    provoke(world, when)
    world.promote()
    world.settles(B)
    assert rule.struck == 1
    since_s = time.monotonic()
    with world.proxy.during(when, respond(500)) as rule:
        provoke(world, when)
        world.drift()
        time.sleep(15)
    assert rule.struck <= 15

    world.settles(B)
    world.check()
    assert time.monotonic() - since_s < 60


@every_call
@row("A-10", "no answer ever comes", "at most 10 s a call, nothing is lost")
def test_a10_silence(world: World, when: When) -> None:
    world.adopt()
    rule = world.proxy.add(when, hang(), times=1)
    provoke(world, when)
    world.promote()
    world.until(lambda: world.namespace.image() == B, 20)

    world.settles(B)
    world.check()
    assert rule.struck == 1


@every_write
@row("A-11", "the answer to a stored write is lost", "one write, one history entry")
def test_a11_lost_answers(world: World, when: When) -> None:
    world.adopt()
    world.proxy.add(when, lose_answer(), times=1)

    promote_through(world)
    stored = [one for one in world.writes(WORKLOADS) if one.is_stored]
    assert len(stored) == 2, "one for each declared pair"
    assert len(world.history()) == 2


@row("A-12", "401 for a while", "logs in again; the token is in no log")
def test_a12_unauthorized(world: World) -> None:
    world.adopt()
    world.proxy.add(When(), respond(401), times=6)
    world.drift()
    world.settles(A)

    promote_through(world)
    assert "Bearer" not in world.operator.output()
    assert "eyJ" not in world.operator.output()


@row("A-13", "pods may not be read any more", "the process lives and says less")
def test_a13_pods_forbidden(world: World) -> None:
    world.adopt()
    since_s = time.monotonic()
    with world.proxy.during(When(resource="pods"), respond(403)):
        world.operator.restart()
        world.promote()
        world.until(lambda: world.namespace.image() == B)
        world.until(lambda: world.namespace.release()["status"].get("digest") in B)
    assert len(world.proxy.seen(When(resource="pods"), since_s=since_s)) < 10
    assert world.operator.child.returncode is None
    assert world.restarts == 0


@row("A-14", "the status may not be written", "no hot loop; no write without a record ahead")
def test_a14_status_forbidden(world: World) -> None:
    world.adopt()
    with world.proxy.during(STATUS_WRITE, respond(403)) as rule:
        world.promote()
        time.sleep(15)
        assert world.namespace.image() == A, "the record comes before the write"
    assert rule.struck <= 15

    world.settles(B)
    world.check()


@row("A-16", "the status is refused as too large", "no hot loop; told once it fits again")
def test_a16_status_too_large(world: World) -> None:
    world.adopt()
    with world.proxy.during(STATUS_WRITE, respond(413, "request is too large")) as rule:
        world.promote()
        time.sleep(10)
    assert rule.struck <= 12

    world.settles(B)
    world.check()


@row("A-17", "answers have fields that nobody knows", "ignored and kept")
def test_a17_newer_api(world: World) -> None:
    def add_unknown(document: Any) -> None:
        for part in (document, document.get("spec", {}), document.get("status", {})):
            if isinstance(part, dict):
                part["fieldOfTheFuture"] = {"x": [1, None]}

    world.adopt()
    world.proxy.add(RELEASE, edit(add_unknown))
    world.proxy.add(TARGET, edit(add_unknown))

    promote_through(world)
    for seen in world.writes():
        assert "fieldOfTheFuture" not in seen.body.decode()


@pytest.mark.parametrize("fault", [drop, lose_answer], ids=["drop", "lose"])
@row("A-18", "an event is not stored", "news may be lost, nothing else is")
def test_a18_lost_events(world: World, fault: Callable[[], Fault]) -> None:
    world.proxy.add(When(resource="events"), fault())
    world.adopt()

    promote_through(world)
    assert stays(lambda: world.namespace.image() == B, 1)
    assert f"{REPOSITORY}" in world.namespace.image()
