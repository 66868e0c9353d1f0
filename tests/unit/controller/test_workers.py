"""Workers: a failing key comes back, and stops nobody else."""

from __future__ import annotations

import asyncio
import logging

import pytest

from pinnedrelease.cluster.errors import Conflict, Unavailable
from pinnedrelease.controller.queue import WorkQueue
from pinnedrelease.controller.workers import Workers
from pinnedrelease.core.observed import Instant
from pinnedrelease.reconcile.gather import Key
from virtual_time import run_virtually
from worlds import at

A, B = Key("shop", "a"), Key("shop", "b")


class StillClock:
    """A clock that stands, and chance that is none."""

    def now(self) -> Instant:
        return at()

    def monotonic_s(self) -> float:
        return at().monotonic_s

    def unit_random(self) -> float:
        return 0.0


async def run_until(done: asyncio.Event, workers: Workers) -> None:
    task = asyncio.create_task(workers.run())
    try:
        await asyncio.wait_for(done.wait(), 5)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    "error",
    [
        Conflict("faster"),
        Unavailable("down"),
        ValueError("a bug"),
        ExceptionGroup("reads", [Unavailable("down")]),
        ExceptionGroup("mixed", [Unavailable("down"), ValueError("a bug")]),
    ],
    ids=["conflict", "unavailable", "bug", "group", "mixed group"],
)
async def test_a_failing_key_is_tried_again_and_others_are_served(error: Exception) -> None:
    queue, done = WorkQueue(spacing_s=0.0), asyncio.Event()
    passes: list[Key] = []

    async def reconcile(key: Key) -> float | None:
        passes.append(key)
        if key == A and passes.count(A) < 3:
            raise error
        if passes.count(A) == 3 and B in passes:
            done.set()
        return None

    queue.add(A)
    queue.add(B)
    await run_until(done, Workers(queue, reconcile, StillClock()))

    assert passes[:2] == [A, B]


async def test_the_pause_that_the_server_asks_for_is_kept(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue, done = WorkQueue(), asyncio.Event()

    async def reconcile(_: Key) -> float | None:
        done.set()
        raise Unavailable("busy", retry_after_s=7.0)

    queue.add(A)
    with caplog.at_level(logging.WARNING):
        await run_until(done, Workers(queue, reconcile, StillClock()))

    assert [vars(record)["again_in_s"] for record in caplog.records] == [7.0]


async def test_the_reconcilers_wish_to_look_again_is_kept() -> None:
    queue, done = WorkQueue(spacing_s=0.0), asyncio.Event()
    passes = 0

    async def reconcile(_: Key) -> float | None:
        nonlocal passes
        passes += 1
        if passes == 2:
            done.set()
        return 0.01

    queue.add(A)
    await run_until(done, Workers(queue, reconcile, StillClock()))


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (None, "success"),
        (7.0, "requeue_after"),
        (Unavailable("down"), "error"),
        (ValueError("a bug"), "panic"),
    ],
)
async def test_each_way_to_end_has_its_word(outcome: float | Exception | None, word: str) -> None:
    queue, done = WorkQueue(), asyncio.Event()
    told: list[str] = []

    async def reconcile(_: Key) -> float | None:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def ended(result: str, _: float) -> None:
        told.append(result)
        done.set()

    queue.add(A)
    await run_until(done, Workers(queue, reconcile, StillClock(), ended))

    assert told == [word]


@pytest.mark.parametrize(("hanging", "woken_at_s"), [(20, 30.0), (20, 61.5), (300, 191.0)])
def test_passes_that_hang_leave_half_of_the_workers_to_others(
    hanging: int, woken_at_s: float
) -> None:
    """Behind a webhook that does not answer each pass takes five seconds, again and again."""
    waited_s: list[float] = []

    async def reconcile(key: Key) -> float | None:
        if key == A:
            waited_s.append(asyncio.get_running_loop().time() - woken_at_s)
            return None
        await asyncio.sleep(5)
        raise Unavailable("no answer")

    async def story() -> None:
        queue = WorkQueue(slow_at_once=4)
        for number in range(hanging):
            queue.add(Key("hanging", str(number)))
        workers = Workers(queue, reconcile, StillClock())
        tasks = [asyncio.create_task(workers.run()) for _ in range(8)]
        await asyncio.sleep(woken_at_s)
        queue.add(A)
        await asyncio.sleep(60)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run_virtually(story())

    assert waited_s == [pytest.approx(0, abs=1)]


async def test_passes_that_never_wait_let_others_run_in_between() -> None:
    """Ten thousand of them after a restart kept the Lease from being renewed for seconds."""
    queue, done = WorkQueue(spacing_s=0.0), asyncio.Event()
    order: list[str] = []

    async def reconcile(key: Key) -> float | None:
        order.append("pass")
        if key.name == "99":
            done.set()
        return None

    async def renew() -> None:
        while not done.is_set():
            order.append("renewal")
            await asyncio.sleep(0)

    for number in range(100):
        queue.add(Key("shop", str(number)))
    renewal = asyncio.create_task(renew())
    await run_until(done, Workers(queue, reconcile, StillClock()))
    await renewal

    assert order.count("renewal") >= 99
