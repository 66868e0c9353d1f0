"""What a proxy can do to a request: each fault gets the exchange and answers in its own way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from faults.exchange import Exchange

Fault = Callable[[Exchange], Awaitable[web.StreamResponse]]
Event = Mapping[str, Any]


def pass_on() -> Fault:
    """No fault."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        return await exchange.relay()

    return fault


def delay(seconds: float) -> Fault:
    """The API server sees it late."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await exchange.relay()

    return fault


def drop(before: Callable[[], None] = lambda: None) -> Fault:
    """The API server never sees it; the connection breaks."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        before()
        return exchange.break_off()

    return fault


def lose_answer(meanwhile: Callable[[], None] = lambda: None) -> Fault:
    """The API server has answered, and nobody hears it."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        await exchange.only_forward()
        meanwhile()
        return exchange.break_off()

    return fault


def hang() -> Fault:
    """Neither an answer nor an end."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        await exchange.until_given_up()
        return exchange.break_off()

    return fault


def respond(status: int, message: str = "scripted", **headers: str) -> Fault:
    """An answer that the API server never gave."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message,
            "code": status}  # fmt: skip

    async def fault(exchange: Exchange) -> web.StreamResponse:
        return await exchange.answer(status, json.dumps(body).encode(), headers)

    return fault


def replay(body: bytes) -> Fault:
    """An answer from before."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        return await exchange.answer(200, body, {})

    return fault


def edit(change: Callable[[Any], None]) -> Fault:
    """The answer with something changed in its JSON."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        status, body = await exchange.only_forward()
        document = json.loads(body)
        change(document)
        return await exchange.answer(status, json.dumps(document).encode(), {})

    return fault


def close_at_once() -> Fault:
    """A watch that begins and ends."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        return await exchange.answer(200, b"", {})

    return fault


def cut_after(seconds: float) -> Fault:
    """A watch that breaks in the middle."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        return await exchange.relay(lasting_s=seconds)

    return fault


def freeze_when(is_frozen: Callable[[], bool]) -> Fault:
    """A watch that stays open; from a moment on nothing comes, not even bookmarks."""
    return lines(lambda line: None if is_frozen() else line)


def lines(change: Callable[[bytes], bytes | None]) -> Fault:
    """A watch whose lines are changed or, by None, left out."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        return await exchange.relay(change=change)

    return fault


def hide(is_hidden: Callable[[Event], bool]) -> Fault:
    """A watch in which some events never come."""
    return lines(lambda line: None if is_hidden(json.loads(line)) else line)


def late(seconds: float) -> Fault:
    """A watch whose events come late."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        return await exchange.relay(late_s=seconds)

    return fault


def say_first(line: bytes) -> Fault:
    """A watch that says something of its own, without a line's end, and breaks."""

    async def fault(exchange: Exchange) -> web.StreamResponse:
        return await exchange.stream_and_break(line)

    return fault


def stream_error(code: int) -> Fault:
    """A watch that reports an error in its stream, as the API server does."""
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
              "message": "scripted", "metadata": {}}  # fmt: skip
    return say_first(json.dumps({"type": "ERROR", "object": status}).encode() + b"\n")
