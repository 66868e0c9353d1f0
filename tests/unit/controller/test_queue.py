"""The work queue: each key once in line, once in work, and never lost."""

from __future__ import annotations

import asyncio

from pinnedrelease.controller.queue import WorkQueue
from pinnedrelease.reconcile.gather import Key

A, B = Key("shop", "a"), Key("shop", "b")


async def test_a_key_added_twice_is_taken_once() -> None:
    queue = WorkQueue()
    queue.add(A)
    queue.add(A)
    queue.add(B)

    assert [await queue.take(), await queue.take()] == [A, B]
    assert len(queue) == 0


async def test_a_key_woken_while_in_work_runs_once_more() -> None:
    queue = WorkQueue(spacing_s=0.0)
    queue.add(A)
    key = await queue.take()
    queue.add(A)
    queue.add(A)
    assert len(queue) == 0

    queue.done(key)

    assert await asyncio.wait_for(queue.take(), 1) == A
    assert len(queue) == 0


async def test_nothing_is_kept_of_a_key_at_rest() -> None:
    queue = WorkQueue(spacing_s=0.0)
    queue.add(A)
    queue.done(await queue.take())
    await asyncio.sleep(0.01)

    kept = [queue._waiting, queue._in_work, queue._resting, queue._woken, queue._timers]
    assert not any(kept)


async def test_the_first_pass_starts_at_once_and_the_next_one_keeps_its_distance() -> None:
    queue = WorkQueue(spacing_s=0.05)
    queue.add(A)
    queue.done(await queue.take())
    started = asyncio.get_running_loop().time()

    queue.add(A)
    await asyncio.wait_for(queue.take(), 1)

    assert asyncio.get_running_loop().time() - started >= 0.045


async def test_other_keys_do_not_wait_for_a_hot_one() -> None:
    queue = WorkQueue(spacing_s=10.0)
    queue.add(A)
    queue.done(await queue.take())
    queue.add(A)
    queue.add(B)

    assert await asyncio.wait_for(queue.take(), 1) == B


async def test_the_sooner_of_two_delays_wins_and_a_wake_beats_both() -> None:
    queue = WorkQueue(spacing_s=0.0)
    queue.add_after(A, 0.01)
    queue.add_after(A, 30.0)
    assert await asyncio.wait_for(queue.take(), 1) == A
    queue.done(A)

    queue.add_after(A, 30.0)
    queue.add(A)

    assert await asyncio.wait_for(queue.take(), 1) == A
    queue.done(A)
    assert queue._timers == {}
