"""A reference: list what the operator watches and decode it, from the start of the process.

By the operator's own means: its JSON decoder, and no collector that looks through what it keeps.
Usage: python -m benchmarks.bare_list SERVER CA TOKEN
"""

from __future__ import annotations

import asyncio
import gc
import sys

import aiohttp
import orjson

from pinnedrelease.tls import client_context

COLLECTIONS = (
    "/apis/pinnedrelease.dev/v1alpha1/pinnedreleases",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/statefulsets",
    "/apis/apps/v1/daemonsets",
    "/apis/batch/v1/cronjobs",
    "/api/v1/pods",
)
PAGE = "500"


async def run(server: str, authority: str, token: str) -> None:
    """One collection after the other, page by page."""
    connector = aiohttp.TCPConnector(ssl=client_context(authority_file=authority))
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(server, connector=connector, headers=headers) as session:
        for path in COLLECTIONS:
            query = {"limit": PAGE}
            while True:
                async with session.get(path, params=query) as answer:
                    answer.raise_for_status()
                    page = orjson.loads(await answer.read())
                following = page["metadata"].get("continue")
                if not following:
                    break
                query = {"limit": PAGE, "continue": following}


if __name__ == "__main__":
    gc.disable()
    asyncio.run(run(*sys.argv[1:4]))
