"""``/metrics`` on an address of its own, so that a network policy can tell it from probes."""

from __future__ import annotations

import asyncio

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from pinnedrelease.controller.metrics import Metrics


async def serve_metrics(metrics: Metrics, address: str, port: int) -> None:
    """Answer for ever."""

    async def answer(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        # With 10,000 PinnedReleases this takes the better part of a second.
        text = await asyncio.to_thread(encode, metrics.registry)
        return web.Response(body=text, headers={"Content-Type": content_type})

    application = web.Application()
    application.router.add_get("/metrics", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
