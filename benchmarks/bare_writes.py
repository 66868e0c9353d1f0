"""A reference: the writes of an adoption, sent by a client that does nothing else.

The same requests as the operator's, with as many objects at a time.
Usage: python -m benchmarks.bare_writes SERVER CA TOKEN CONCURRENCY BODIES, where
BODIES is a file with a list of objects, each a list of [method, path, content type, body].
Prints objects per second.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import aiohttp

from pinnedrelease.tls import client_context

Objects = list[list[tuple[str, str, str, object]]]


async def run(server: str, authority: str, token: str, concurrency: int, objects: Objects) -> None:
    """Send everything; each object's writes one after the other."""
    waiting = iter(objects)
    connector = aiohttp.TCPConnector(ssl=client_context(authority_file=authority))
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(server, connector=connector, headers=headers) as session:

        async def work() -> None:
            for requests in waiting:
                for method, path, content_type, body in requests:
                    async with session.request(
                        method, path, data=json.dumps(body), headers={"Content-Type": content_type}
                    ) as answer:
                        answer.raise_for_status()
                        json.loads(await answer.read())

        begun_s = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(concurrency)))
        print(len(objects) / (time.perf_counter() - begun_s), flush=True)


if __name__ == "__main__":
    SERVER, AUTHORITY, TOKEN, CONCURRENCY, BODIES = sys.argv[1:6]
    bodies = json.loads(Path(BODIES).read_text())
    asyncio.run(run(SERVER, AUTHORITY, TOKEN, int(CONCURRENCY), bodies))
