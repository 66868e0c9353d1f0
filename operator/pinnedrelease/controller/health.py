"""``/livez`` and ``/readyz`` on an address of the operator's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

LAG_LIMIT_S = 5.0
BEAT_S = 1.0


class Health:
    """Live while the event loop turns, ready once every watched kind has been listed."""

    def __init__(self, is_ready: Callable[[], bool], monotonic: Callable[[], float]) -> None:
        self._is_ready = is_ready
        self._monotonic = monotonic
        self._beat_at_s = monotonic()

    async def serve(self, address: str, port: int) -> None:
        """Answer probes for ever."""
        application = web.Application()
        application.router.add_get("/livez", self._live)
        application.router.add_get("/readyz", self._ready)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, address, port).start()
            while True:
                self._beat_at_s = self._monotonic()
                await asyncio.sleep(BEAT_S)
        finally:
            await runner.cleanup()

    async def _live(self, _: web.Request) -> web.Response:
        late_s = self._monotonic() - self._beat_at_s - BEAT_S
        if late_s > LAG_LIMIT_S:
            return web.Response(status=503, text=f"the event loop is {late_s:.1f} s late\n")
        return web.Response(text="ok\n")

    async def _ready(self, _: web.Request) -> web.Response:
        if not self._is_ready():
            return web.Response(status=503, text="the first list is not complete\n")
        return web.Response(text="ok\n")
