"""The reference: the least that a corrector in Python can do. Watch, compare, patch.

No fresh read, no precondition, no history, no status, no events, no restarts.
Usage: python -m benchmarks.bare_loop SERVER CA TOKEN NAMESPACE IMAGE
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys

import aiohttp


async def correct(server: str, authority: str, token: str, namespace: str, image: str) -> None:
    """Put the first container of every Deployment in a namespace back to an image, for ever."""
    url = f"{server}/apis/apps/v1/namespaces/{namespace}/deployments"
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=authority))
    headers = {"Authorization": f"Bearer {token}"}
    no_limit = aiohttp.ClientTimeout()
    async with (
        aiohttp.ClientSession(connector=connector, headers=headers, timeout=no_limit) as session,
        session.get(url, params={"watch": "true"}) as events,
    ):
        print("watching", flush=True)
        async for line in events.content:
            deployment = json.loads(line)["object"]
            container = deployment["spec"]["template"]["spec"]["containers"][0]
            if container["image"] == image:
                continue
            wanted = [{"name": container["name"], "image": image}]
            body = {"spec": {"template": {"spec": {"containers": wanted}}}}
            name = deployment["metadata"]["name"]
            async with session.patch(
                f"{url}/{name}",
                data=json.dumps(body),
                headers={"Content-Type": "application/strategic-merge-patch+json"},
            ) as answer:
                await answer.read()


if __name__ == "__main__":
    asyncio.run(correct(*sys.argv[1:6]))
