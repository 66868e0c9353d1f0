"""The work queue: each key once in line, once in work, and never lost."""

from __future__ import annotations

import asyncio

import pytest

from pinnedrelease.controller.queue import SLOW_FOR_S, SLOW_S, WorkQueue
from pinnedrelease.reconcile.gather import Key
from virtual_time import run_virtually

A, B, C = Key("shop", "a"), Key("shop", "b"), Key("shop", "c")


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


async def slow_passes(queue: WorkQueue, *keys: Key) -> None:
    """A pass of each of these keys at once, behind something that does not answer."""
    for key in keys:
        queue.add(key)
        assert await queue.take() == key
    await asyncio.sleep(SLOW_S + 1)
    for key in keys:
        queue.done(key)
    await asyncio.sleep(0.01)


def test_a_key_that_was_slow_is_let_through_in_its_turn_and_not_for_ever() -> None:
    async def story() -> None:
        queue = WorkQueue(spacing_s=0.0, slow_at_once=1)
        await slow_passes(queue, A, B)
        for key in (A, B, C):
            queue.add(key)
        assert len(queue) == 3
        assert [await queue.take(), await queue.take()] == [A, C]
        assert len(queue) == 1, "one that was slow is kept back"
        queue.done(A)
        assert await queue.take() == B

        queue.done(B)
        await asyncio.sleep(SLOW_FOR_S + 1)
        queue.add(A)
        queue.add(B)
        assert [await queue.take(), await queue.take()] == [A, B]
        assert not any([queue._slow_until, queue._slow_out, queue._kept_back])

    run_virtually(story())


def test_keys_that_are_kept_back_for_longer_than_is_remembered_still_go_one_by_one() -> None:
    """They went out all at once, and hung in all workers."""

    async def story() -> None:
        queue = WorkQueue(spacing_s=0.0, slow_at_once=1)
        await slow_passes(queue, A, B, C)
        for key in (A, B, C):
            queue.add(key)
        assert await queue.take() == A
        await asyncio.sleep(SLOW_FOR_S + 1)

        queue.done(A)

        assert await queue.take() == B
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(queue.take(), 1)
        queue.done(B)
        assert await queue.take() == C

    run_virtually(story())


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
