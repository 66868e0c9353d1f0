"""``/metrics`` on an address of its own, so that a network policy can tell it from probes."""

from __future__ import annotations

import asyncio
import gzip

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from pinnedrelease.controller.metrics import Metrics

FASTEST = 1
"""Text of labels shrinks to a tenth whatever the level."""


class MetricsServer:
    """Renders one answer at a time: two Prometheus replicas must not double what it takes."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._one = asyncio.Lock()

    async def serve(self, address: str, port: int) -> None:
        """Answer for ever."""
        application = web.Application()
        application.router.add_get("/metrics", self._answer)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, address, port).start()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    async def render(self, accept: str, *, may_zip: bool) -> tuple[bytes, dict[str, str]]:
        """The text in the best format of an Accept header, with the headers to send."""
        async with self._one:
            self._metrics.look()
            # With 10,000 PinnedReleases this takes the better part of a second.
            return await asyncio.to_thread(self._text, accept, may_zip=may_zip)

    async def _answer(self, request: web.Request) -> web.Response:
        may_zip = "gzip" in request.headers.get("Accept-Encoding", "")
        body, headers = await self.render(request.headers.get("Accept", ""), may_zip=may_zip)
        return web.Response(body=body, headers=headers)

    def _text(self, accept: str, *, may_zip: bool) -> tuple[bytes, dict[str, str]]:
        encode, content_type = choose_encoder(accept)
        text = encode(self._metrics.registry)
        headers = {"Content-Type": content_type}
        if not may_zip:
            return text, headers
        return gzip.compress(text, FASTEST), {**headers, "Content-Encoding": "gzip"}
