"""A server with a certificate of an authority of its own, and a kubeconfig that names it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import yaml
from aiohttp import web

from controlplane.certificates import Authority


@asynccontextmanager
async def empty_lists(authority: Authority, path: str, address: str) -> AsyncIterator[str]:
    """A server that answers a path with an empty list; its address and port."""
    tls = authority.server("server").server_context()
    app = web.Application()
    app.router.add_get(path, _listed)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, address, 0, ssl_context=tls).start()
    yield f"{address}:{runner.addresses[0][1]}"
    await runner.cleanup()


async def _listed(_: web.Request) -> web.StreamResponse:
    return web.json_response({"items": []})


def kubeconfig_of(folder: Path, **cluster: object) -> Path:
    """A kubeconfig with a token for one cluster."""
    path = folder / "kubeconfig"
    document = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    path.write_text(yaml.safe_dump(document))
    return path
