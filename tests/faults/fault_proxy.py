"""A TLS proxy between operators and the API server: it disturbs by rules, and records everything.

What an operator did is judged by this record, never by its own words.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

from controlplane.certificates import Authority
from controlplane.kubeconfig import cluster_entry, write_kubeconfig
from controlplane.plane import ControlPlane
from controlplane.processes import free_port
from faults.calls import Call, When
from faults.exchange import Exchange
from faults.faults import Fault, pass_on
from pinnedrelease.tls import client_context


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request that came through."""

    call: Call
    status: int | None
    """What the API server answered; None when it was not asked, or not yet."""
    at_s: float
    """Monotonic seconds at which it came."""
    body: bytes

    @property
    def is_stored(self) -> bool:
        """Whether the API server took it."""
        return self.status is not None and self.status < 300

    def document(self) -> Any:
        """The body of a write."""
        return json.loads(self.body)


@dataclass(slots=True, kw_only=True)
class Rule:
    """A fault for the calls that are meant, after some have passed, and for so many of them."""

    when: When
    fault: Fault
    skip: int = 0
    times: int | None = None
    struck: int = field(default=0, init=False)
    _matched: int = field(default=0, init=False)

    def takes(self, call: Call) -> bool:
        """Count a call; whether it is to be disturbed."""
        if not self.when.means(call):
            return False
        self._matched += 1
        spent = self.times is not None and self.struck >= self.times
        if self._matched <= self.skip or spent:
            return False
        self.struck += 1
        return True


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
        self._rules: tuple[Rule, ...] = ()
        self._seen: list[Seen] = []

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

    def kubeconfig(self, token: str, name: str = "operator") -> Path:
        """A kubeconfig that goes through the proxy."""
        return write_kubeconfig(
            self._folder / f"proxied-{name}.kubeconfig",
            cluster=cluster_entry(f"https://127.0.0.1:{self._port}", self._authority.certificate),
            user=token,
        )

    def forget(self) -> None:
        """No rules, and an empty record."""
        self._rules, self._seen = (), []

    def add(self, when: When, fault: Fault, *, skip: int = 0, times: int | None = None) -> Rule:
        """A rule that counts from now on. The first that takes a call disturbs it."""
        rule = Rule(when=when, fault=fault, skip=skip, times=times)
        self._rules = (*self._rules, rule)
        return rule

    def remove(self, rule: Rule) -> None:
        """Without this rule from now on."""
        self._rules = tuple(one for one in self._rules if one is not rule)

    @contextmanager
    def during(self, when: When, fault: Fault) -> Iterator[Rule]:
        """A rule for the time of a block."""
        rule = self.add(when, fault)
        try:
            yield rule
        finally:
            self.remove(rule)

    def seen(self, when: When | None = None, since_s: float = 0.0) -> list[Seen]:
        """The record, in the order in which answers were known."""
        meant = when or When()
        return [one for one in self._seen if meant.means(one.call) and one.at_s >= since_s]

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        upstream_tls = client_context(authority_file=self._plane.authority)
        connector = aiohttp.TCPConnector(limit=0, ssl=upstream_tls, force_close=True)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as upstream:
            application = web.Application(client_max_size=2**26)
            application.router.add_route("*", "/{path:.*}", self._handler(upstream))
            runner = web.AppRunner(
                application, access_log=None, shutdown_timeout=0.5, handler_cancellation=True
            )
            await runner.setup()
            tls = self._server_keys.server_context()
            await web.TCPSite(runner, "127.0.0.1", self._port, ssl_context=tls).start()
            self._ready.set()
            await self._stop.wait()
            await runner.cleanup()

    def _handler(
        self, upstream: aiohttp.ClientSession
    ) -> Callable[[web.Request], asyncio.Future[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            at_s = time.monotonic()
            is_watch = request.query.get("watch") == "true"
            call = Call.of(request.method, request.path, is_watch=is_watch)
            url = self._plane.server + request.path_qs
            body = await request.read()
            exchange = Exchange(call, request, upstream, url)
            if is_watch:
                # Recorded at its beginning: its end may be far.
                self._seen.append(Seen(call=call, status=200, at_s=at_s, body=b""))
            try:
                return await self._fault_for(call)(exchange)
            except (aiohttp.ClientError, ConnectionError):
                # The API server is away: so is the proxy.
                return exchange.break_off()
            finally:
                if not is_watch:
                    status = exchange.status
                    self._seen.append(Seen(call=call, status=status, at_s=at_s, body=body))

        return handle  # type: ignore[return-value]

    def _fault_for(self, call: Call) -> Fault:
        taking = next((rule for rule in self._rules if rule.takes(call)), None)
        return taking.fault if taking is not None else pass_on()
