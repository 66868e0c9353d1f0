"""The process as a whole: no task of it may end unnoticed."""

from __future__ import annotations

import asyncio

from pinnedrelease.controller.service import WATCHES, supervise


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def _cancelled_inside() -> None:
    raise asyncio.CancelledError


async def _done() -> None:
    return


async def test_a_task_that_is_cancelled_from_inside_ends_the_process() -> None:
    """A task group takes that for its own doing, and the process lived on without the task."""
    tasks = {"election": _cancelled_inside(), WATCHES: _for_ever()}

    assert await asyncio.wait_for(supervise(tasks), 5) is False


async def test_only_the_watches_may_end() -> None:
    assert await supervise({"worker": _for_ever(), WATCHES: _done()}) is True
    assert await supervise({"worker": _done(), WATCHES: _for_ever()}) is False


async def test_who_cancels_the_whole_has_it_cancelled() -> None:
    task = asyncio.create_task(supervise({"worker": _for_ever(), WATCHES: _for_ever()}))
    await asyncio.sleep(0)

    task.cancel()
    await asyncio.wait({task}, timeout=5)

    assert task.cancelled()
