"""The watchdog: a process that has gone blind ends, and one whose API server is away does not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.errors import CertificateRefused, ClusterError, Unavailable
from pinnedrelease.cluster.session import Session
from pinnedrelease.cluster.watch_book import WatchBook
from pinnedrelease.controller.watchdog import (
    CANARY_LIMIT_S,
    CLOSED_LIMIT_S,
    PATIENCE_S,
    Canary,
    Watchdog,
)
from pinnedrelease.reconcile.gather import Key
from virtual_time import run_virtually

PATH = "/apis/apps/v1/deployments"
KEY = Key("shop", "web")
NOTICED_S = PATIENCE_S + 15.0


class Answer:
    closed = False


class AnsweringSession(Session):
    """An API server that answers, or not."""

    def __init__(self) -> None:
        self.watches = WatchBook()
        self.error: ClusterError | None = None

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Document:  # noqa: ARG002
        if self.error is not None:
            raise self.error
        return Document({})

    async def probe(self, path: str) -> None:
        await self.get(path)


class World:
    """A process with one watch, open."""

    def __init__(self) -> None:
        self.session, self.answer = AnsweringSession(), Answer()
        self.seen: dict[Key, str] = {}
        self.canary = Canary(asyncio.get_running_loop().time, self.seen.get)
        self.session.watches.opened(PATH, self.answer)
        self.watchdog = Watchdog(self.session, self.canary, frozenset({PATH}))
        self.task = asyncio.create_task(self.watchdog.run())

    def end(self) -> None:
        self.task.cancel()


def test_a_day_without_an_event_is_no_blindness() -> None:
    async def story() -> None:
        world = World()
        await asyncio.sleep(86_400)
        assert not world.task.done()
        world.end()

    run_virtually(story())


def test_w14_a_watch_that_ended_and_does_not_come_back_ends_the_process() -> None:
    """kopf#1276: its task was cancelled from inside, and nobody starts it again."""

    async def story() -> None:
        world = World()
        await asyncio.sleep(100)
        world.answer.closed = True
        await asyncio.wait_for(world.task, CLOSED_LIMIT_S + NOTICED_S)
        assert PATH in (world.watchdog.trouble or "")

    run_virtually(story())


def test_a_watch_that_comes_back_is_fine() -> None:
    async def story() -> None:
        world = World()
        for _ in range(20):
            world.answer.closed = True
            await asyncio.sleep(CLOSED_LIMIT_S + PATIENCE_S - 10)
            world.answer = Answer()
            world.session.watches.opened(PATH, world.answer)
            await asyncio.sleep(10)
        assert not world.task.done()
        world.end()

    run_virtually(story())


def test_while_the_api_server_is_away_the_process_waits() -> None:
    async def story() -> None:
        world = World()
        world.answer.closed, world.session.error = True, Unavailable("refused")
        await asyncio.sleep(3600)
        assert not world.task.done()
        world.session.error = None
        await asyncio.wait_for(world.task, NOTICED_S)

    run_virtually(story())


def test_an_api_server_that_was_away_has_time_to_take_the_watches_back() -> None:
    """Each outage of more than 45 s ended the process as soon as it was over."""

    async def story() -> None:
        world = World()
        for _ in range(5):
            world.answer.closed, world.session.error = True, Unavailable("refused")
            await asyncio.sleep(3600)
            world.session.error = None
            await asyncio.sleep(PATIENCE_S - 10)
            world.answer = Answer()
            world.session.watches.opened(PATH, world.answer)
            await asyncio.sleep(60)
        assert not world.task.done()
        world.end()

    run_virtually(story())


def test_a15_a_new_authority_ends_the_process_so_that_its_file_is_read_again() -> None:
    async def story() -> None:
        world = World()
        world.answer.closed, world.session.error = True, CertificateRefused("unknown authority")
        await asyncio.wait_for(world.task, CLOSED_LIMIT_S + NOTICED_S)

    run_virtually(story())


@pytest.mark.parametrize("is_seen", [True, False])
def test_our_own_writes_must_come_back(*, is_seen: bool) -> None:
    async def story() -> None:
        world = World()
        world.canary.wrote(KEY, "7")
        if is_seen:
            await asyncio.sleep(CANARY_LIMIT_S + PATIENCE_S - 10)
            world.canary.saw(KEY, "7")
        await asyncio.sleep(CANARY_LIMIT_S + NOTICED_S)
        assert world.task.done() is not is_seen
        world.end()

    run_virtually(story())


@pytest.mark.parametrize(("brings", "is_blind"), [("6", False), ("8", True)])
def test_a_watch_that_is_late_is_not_dead_and_one_that_leaves_out_is(
    brings: str, *, is_blind: bool
) -> None:
    """A busy cluster was late by more than a minute, and the process ended again and again."""

    async def story() -> None:
        world = World()
        world.canary.wrote(KEY, "7")
        for _ in range(20):
            await asyncio.sleep(CANARY_LIMIT_S / 10)
            world.canary.saw(Key("shop", "other"), brings)
        assert world.task.done() is is_blind
        world.end()

    run_virtually(story())


def test_an_echo_that_comes_before_the_answer_to_its_write_is_seen() -> None:
    """It ended idle processes a minute after their last write, about every second time."""

    async def story() -> None:
        world = World()
        world.seen[KEY] = "7"
        world.canary.saw(KEY, "7")
        world.canary.wrote(KEY, "7")
        await asyncio.sleep(10 * CANARY_LIMIT_S)
        assert not world.task.done()
        world.end()

    run_virtually(story())
