"""The process as a whole: no task of it may end unnoticed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine

import pytest

from objects import pinned_release
from pinnedrelease.cluster.configuration import ClusterAccess, TokenSource
from pinnedrelease.cluster.workloads import PlacedWorkload
from pinnedrelease.controller.service import WATCHES, Operator, supervise
from pinnedrelease.controller.settings import parse_settings
from pinnedrelease.controller.spans import Spans
from pinnedrelease.core.pin import TargetKind
from pinnedrelease.reconcile.clock import SystemClock
from pinnedrelease.reconcile.gather import Key
from worlds import TARGET, workload


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


def operator(*flags: str) -> Operator:
    """One that talks to nobody."""
    tokens = TokenSource(lambda: None, lambda: 0.0)
    access = ClusterAccess(
        server="https://127.0.0.1:1", tls=ssl.create_default_context(), tokens=tokens
    )
    return Operator(parse_settings(flags, {}), access, SystemClock(), Spans())


async def _woken(one: Operator) -> list[str]:
    """Whose passes are in line; they are taken from it, and have ended."""
    names = []
    while len(one._queue):
        key = await one._queue.take()
        names.append(key.name)
        one._queue._in_work.pop(key)
    return names


@pytest.mark.parametrize(("names", "others"), [(["x"], []), (["x", "y"], ["y"])])
async def test_what_a_pass_has_read_itself_wakes_only_others_with_the_same_target(
    names: list[str], others: list[str]
) -> None:
    """The event that told of it was no news any more, and the other one slept for ten minutes."""
    one = operator()
    for name in names:
        document = pinned_release(target=TARGET.name)
        metadata = {"name": name, "namespace": "shop", "uid": name, "resourceVersion": "1"}
        one._wake("ADDED", {**document, "metadata": metadata})
    placed = PlacedWorkload("shop", workload(resource_version="59"))
    one._workloads.replace_all(TargetKind.DEPLOYMENT, None, [placed])
    assert sorted(await _woken(one)) == names

    one._workloads.stored(Key("shop", "x"), workload(resource_version="60"))
    one._workloads.changed(PlacedWorkload("shop", workload(resource_version="60")))

    assert await _woken(one) == others


@pytest.mark.parametrize(("text", "expected"), [("0", False), ("600", True)])
async def test_a_resync_that_is_switched_off_is_no_task(text: str, expected: bool) -> None:  # noqa: FBT001
    """It listed without a pause, five hundred times a second."""
    tasks = operator(f"--resync={text}")._tasks()

    assert ("resync" in tasks) is expected
    for task in tasks.values():
        assert isinstance(task, Coroutine)
        task.close()
