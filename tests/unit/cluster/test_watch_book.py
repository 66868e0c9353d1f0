"""Watches that end at once are asked for ever more rarely; a closed one is noticed."""

from __future__ import annotations

import asyncio

from pinnedrelease.cluster.watch_book import LONGEST_PAUSE_S, WatchBook
from virtual_time import run_virtually


class Answer:
    closed = False


async def ask(book: WatchBook) -> Answer:
    await book.wait_for_turn("/pods")
    answer = Answer()
    book.opened("/pods", answer)
    return answer


def test_w11_a_watch_that_closes_at_once_costs_less_than_two_requests_a_second() -> None:
    async def story() -> None:
        book, asked = WatchBook(), 0
        while asyncio.get_running_loop().time() < 60:
            (await ask(book)).closed = True
            asked += 1
        assert asked < 10

    run_virtually(story())


def test_a_watch_that_lived_long_is_followed_at_once() -> None:
    async def story() -> None:
        book = WatchBook()
        for _ in range(3):
            await ask(book)
            await asyncio.sleep(290)
        before_s = asyncio.get_running_loop().time()
        await ask(book)
        assert asyncio.get_running_loop().time() == before_s

    run_virtually(story())


def test_a_pause_never_grows_beyond_its_limit() -> None:
    async def story() -> None:
        book = WatchBook()
        for _ in range(20):
            before_s = asyncio.get_running_loop().time()
            await ask(book)
            assert asyncio.get_running_loop().time() - before_s <= LONGEST_PAUSE_S

    run_virtually(story())


def test_how_long_a_collection_has_not_been_watched_is_known() -> None:
    async def story() -> None:
        book = WatchBook()
        answer = await ask(book)
        await asyncio.sleep(100)
        assert book.closed_for_s("/pods") == 0
        answer.closed = True
        await asyncio.sleep(30)
        assert book.closed_for_s("/pods") == 30
        await ask(book)
        assert book.closed_for_s("/pods") == 0

    run_virtually(story())


def test_a_long_list_before_the_next_watch_is_no_blindness() -> None:
    async def story() -> None:
        book = WatchBook()
        (await ask(book)).closed = True
        for _ in range(20):
            await asyncio.sleep(10)
            book.listed("/pods")
            assert book.closed_for_s("/pods") == 0
        await asyncio.sleep(50)
        assert book.closed_for_s("/pods") == 50

    run_virtually(story())


def test_a_collection_is_waited_for_until_a_watch_of_it_was_open() -> None:
    async def story() -> None:
        book = WatchBook()
        waiting = asyncio.create_task(book.wait_opened("/pods"))
        await book.wait_for_turn("/pods")
        await asyncio.sleep(1)
        assert not waiting.done()
        assert book.were_opened() == frozenset()
        book.opened("/pods", Answer())
        await asyncio.wait_for(waiting, 1)
        assert book.were_opened() == {"/pods"}

    run_virtually(story())
