"""Who may read the page, and what a browser may do with it."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Server": "pinrel",
}


def new_secret() -> str:
    """The first part of every path: other users of this machine reach the port, too."""
    return secrets.token_urlsafe(18)


def guard(port: int, secret: str) -> Middleware:
    """Refuses what does not come by the address that was printed."""
    hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
    if port == 80:  # noqa: PLR2004 - the port that browsers leave out
        hosts |= {"127.0.0.1", "localhost"}

    @web.middleware
    async def checked(request: web.Request, handler: Handler) -> web.StreamResponse:
        # A name of somebody else's that resolves to loopback (DNS rebinding) is in the Host header.
        if request.headers.get("Host", "").lower() not in hosts:
            raise web.HTTPMisdirectedRequest(text="this page is served on loopback only\n")
        given = request.path.removeprefix("/").partition("/")[0]
        if not secrets.compare_digest(given.encode(), secret.encode()):
            raise web.HTTPNotFound(text="open the address that `pinrel ui` has printed\n")
        return await handler(request)

    return checked


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """On every answer, refusals included."""
    response.headers.update(HEADERS)
