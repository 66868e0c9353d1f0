"""One request on its way through the proxy, and what can be done with it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from faults.calls import Call

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

NOT_FORWARDED = frozenset({"host", "content-length", "transfer-encoding", "connection"})


class Exchange:
    """A request, its body, and the way to the API server."""

    def __init__(
        self, call: Call, request: web.Request, upstream: aiohttp.ClientSession, url: str
    ) -> None:
        self.call = call
        self.request = request
        self.status: int | None = None
        """What the API server answered; None when it was not asked."""
        self._upstream = upstream
        self._url = url

    async def only_forward(self) -> tuple[int, bytes]:
        """Let the API server do it; nothing is told to the operator."""
        async with self._asked() as answer:
            self.status = answer.status
            return answer.status, await answer.read()

    async def relay(
        self,
        *,
        change: Callable[[bytes], bytes | None] = lambda line: line,
        lasting_s: float | None = None,
        late_s: float = 0.0,
    ) -> web.StreamResponse:
        """Pass the answer on, line by line where it is a watch."""
        async with self._asked() as answer:
            self.status = answer.status
            if self.call.verb != "watch":
                return await self.answer(answer.status, await answer.read(), _kept(answer.headers))
            response = web.StreamResponse(status=answer.status, headers=_kept(answer.headers))
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(lasting_s):
                    await response.prepare(self.request)
                    await self._relay_lines(answer, response, change, late_s)
                    await response.write_eof()
                    return response
            self.break_off()
            return response

    async def _relay_lines(
        self,
        answer: aiohttp.ClientResponse,
        response: web.StreamResponse,
        change: Callable[[bytes], bytes | None],
        late_s: float,
    ) -> None:
        rest = b""
        async for piece in answer.content.iter_any():
            *complete, rest = (rest + piece).split(b"\n")
            for line in complete:
                changed = change(line) if line else None
                if changed is not None:
                    await asyncio.sleep(late_s)
                    await response.write(changed + b"\n")

    async def answer(
        self, status: int, body: bytes, headers: Mapping[str, str]
    ) -> web.StreamResponse:
        """An answer of the proxy's own."""
        return web.Response(
            status=status, body=body, headers={"Content-Type": "application/json", **headers}
        )

    async def stream_and_break(self, text: bytes) -> web.StreamResponse:
        """Begin a watch, say something, and break."""
        response = web.StreamResponse(status=200, headers={"Content-Type": "application/json"})
        with contextlib.suppress(ConnectionError):
            await response.prepare(self.request)
            await response.write(text)
            await asyncio.sleep(0.05)
        self.break_off()
        return response

    async def until_given_up(self) -> None:
        """Wait until the operator closes the connection: then the handler is cancelled."""
        await asyncio.Event().wait()

    def break_off(self) -> web.StreamResponse:
        """Break the connection."""
        if self.request.transport is not None:
            self.request.transport.abort()
        return web.Response(status=502)

    @contextlib.asynccontextmanager
    async def _asked(self) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {
            name: value
            for name, value in self.request.headers.items()
            if name.lower() not in NOT_FORWARDED
        }
        async with self._upstream.request(
            self.request.method,
            self._url,
            headers=headers,
            data=await self.request.read() or None,
            skip_auto_headers=("Content-Type", "Accept-Encoding"),
            timeout=aiohttp.ClientTimeout(),
        ) as answer:
            yield answer


def _kept(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in NOT_FORWARDED}
