"""A TLS proxy between the operator and the API server that records requests and disturbs them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

from controlplane.certificates import Authority
from controlplane.kubeconfig import cluster_entry, write_kubeconfig
from controlplane.plane import ControlPlane
from controlplane.processes import free_port

NOT_FORWARDED = frozenset({"host", "content-length", "transfer-encoding", "connection"})
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request that came through."""

    method: str
    path: str
    status: int | None
    """What the API server answered; None when it was not asked."""


class Moment(Enum):
    """When a rule strikes."""

    BEFORE = auto()
    """The API server has not seen the request."""
    AFTER = auto()
    """The API server has answered, the operator has not heard it."""


@dataclass(slots=True, kw_only=True)
class Strike:
    """Do something at the n-th write, counted from one, and drop the connection."""

    at_write: int
    moment: Moment
    action: Callable[[], None]
    struck: bool = field(default=False, init=False)


class FaultProxy:
    """Runs in a thread of its own. Use as a context manager."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self._plane = plane
        self._folder = folder
        self._port = free_port()
        self._authority = Authority(folder / "pki")
        self._server_keys = self._authority.server("fault-proxy")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fault-proxy", daemon=True)
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._writes = 0
        self.seen: list[Seen] = []
        self.strike: Strike | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10), "the fault proxy does not start"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def kubeconfig(self, token: str) -> Path:
        """A kubeconfig that goes through the proxy."""
        return write_kubeconfig(
            self._folder / "proxied.kubeconfig",
            cluster=cluster_entry(f"https://127.0.0.1:{self._port}", self._authority.certificate),
            user=token,
        )

    def expect(self, strike: Strike | None) -> None:
        """Set the rule; counting of writes starts anew."""
        self._writes = 0
        self.seen.clear()
        self.strike = strike

    def writes(self) -> list[Seen]:
        """The writes since the last rule, events left out."""
        return [one for one in self.seen if _is_counted(one.method, one.path)]

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        upstream_tls = ssl.create_default_context(cafile=self._plane.authority)
        connector = aiohttp.TCPConnector(limit=0, ssl=upstream_tls)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as upstream:
            application = web.Application(client_max_size=2**24)
            application.router.add_route("*", "/{path:.*}", self._handler(upstream))
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
            await runner.setup()
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(self._server_keys.certificate, self._server_keys.key)
            await web.TCPSite(runner, "127.0.0.1", self._port, ssl_context=tls).start()
            self._ready.set()
            await self._stop.wait()
            await runner.cleanup()

    def _handler(
        self, upstream: aiohttp.ClientSession
    ) -> Callable[[web.Request], asyncio.Future[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            counted = _is_counted(request.method, request.path)
            if counted:
                self._writes += 1
            number = self._writes
            if counted and self._strikes(number, Moment.BEFORE):
                self._record(request, None)
                return self._dropped(request)
            body = await request.read()
            headers = {
                name: value
                for name, value in request.headers.items()
                if name.lower() not in NOT_FORWARDED
            }
            url = self._plane.server + request.path_qs
            async with upstream.request(
                request.method,
                url,
                headers=headers,
                data=body or None,
                skip_auto_headers=("Content-Type", "Accept-Encoding"),
                timeout=aiohttp.ClientTimeout(),
            ) as answer:
                self._record(request, answer.status)
                if counted and self._strikes(number, Moment.AFTER):
                    await answer.read()
                    return self._dropped(request)
                return await _relay(request, answer)

        return handle  # type: ignore[return-value]

    def _strikes(self, number: int, moment: Moment) -> bool:
        strike = self.strike
        if strike is None or strike.struck:
            return False
        if (number, moment) != (strike.at_write, strike.moment):
            return False
        strike.struck = True
        strike.action()
        return True

    def _record(self, request: web.Request, status: int | None) -> None:
        self.seen.append(Seen(method=request.method, path=request.path, status=status))

    def _dropped(self, request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=502)


async def _relay(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    """Pass an answer on piece by piece, as a watch needs it."""
    headers = {
        name: value for name, value in answer.headers.items() if name.lower() not in NOT_FORWARDED
    }
    response = web.StreamResponse(status=answer.status, headers=headers)
    with contextlib.suppress(ConnectionError):
        await response.prepare(request)
        async for piece in answer.content.iter_any():
            await response.write(piece)
        await response.write_eof()
    return response


def _is_counted(method: str, path: str) -> bool:
    """Writes of status and workloads; an event is news and may be lost."""
    return method in WRITES and not path.endswith("/events")
