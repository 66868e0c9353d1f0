"""The routes. All of them read; there is nothing here that could change a cluster."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from importlib.resources import files

from aiohttp import web

from pinnedrelease import __version__
from pinnedrelease.cli.commands import Commands
from pinnedrelease.cli.dashboard import view
from pinnedrelease.cli.dashboard.board import Board, Key
from pinnedrelease.cli.dashboard.guard import Handler, add_headers, guard
from pinnedrelease.cli.output import clean

COALESCE_S = 0.2
"""A rollout changes a status often; people cannot read faster."""
HEARTBEAT_S = 10.0
"""Also how soon a browser that has gone is noticed."""
CONTENT_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


class Pages:
    """What is answered, from one board."""

    def __init__(self, board: Board, commands: Commands, about: Mapping[str, object]) -> None:
        self._board = board
        self._commands = commands
        self._about = {**about, "version": __version__}

    def application(self, port: int, secret: str) -> web.Application:
        """The application to serve on a port of loopback."""
        application = web.Application(middlewares=[guard(port, secret)])
        application.on_response_prepare.append(add_headers)
        for name, content in _static_files().items():
            path = f"/{secret}/{'' if name == 'index.html' else name}"
            application.router.add_get(path, _serving(name, content))
        application.router.add_get(f"/{secret}/about", self._tell_about)
        application.router.add_get(f"/{secret}/news", self._tell_news)
        application.router.add_get(f"/{secret}/records", self._tell_records)
        application.router.add_get(f"/{secret}/releases/{{namespace}}/{{name}}", self._tell_release)
        return application

    async def _tell_about(self, _: web.Request) -> web.Response:
        """Which cluster this is."""
        return _json(self._about)

    async def _tell_release(self, request: web.Request) -> web.Response:
        """Everything about one PinnedRelease."""
        release = self._board.find((request.match_info["namespace"], request.match_info["name"]))
        if release is None:
            raise web.HTTPNotFound(text="there is no such PinnedRelease\n")
        return _json(view.detail(release, self._commands))

    async def _tell_records(self, request: web.Request) -> web.Response:
        """What ran when in a namespace."""
        found = self._board.all(request.query.get("namespace", ""))
        return _json([view.record(one) for one in found])

    async def _tell_news(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: first everything, then what has changed (WHATWG HTML, 9.2)."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        # Who closes the page says nothing before; the next write finds it out.
        with self._board.news() as news, suppress(ConnectionResetError):
            await response.prepare(request)
            await response.write(self._message(None))
            while True:
                if await news.wait(HEARTBEAT_S):
                    await asyncio.sleep(COALESCE_S)
                    await response.write(self._message(news.take()))
                else:
                    await response.write(b":\n\n")
        return response

    def _message(self, keys: Collection[Key] | None) -> bytes:
        """One message about some PinnedReleases, or (None) about all of them."""
        found = {key: self._board.find(key) for key in keys or ()}
        shown = self._board.all() if keys is None else [one for one in found.values() if one]
        data = {
            "isAll": keys is None,
            "releases": [view.summary(one) for one in shown],
            "gone": [list(key) for key, one in found.items() if one is None],
            "trouble": self._board.trouble,
        }
        return f"data: {_text(data)}\n\n".encode()


def _static_files() -> dict[str, bytes]:
    """The page's own files, read once: no path of a request ever reaches the file system."""
    folder = files("pinnedrelease.cli.dashboard") / "static"
    return {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file()}


def _serving(name: str, content: bytes) -> Handler:
    content_type = CONTENT_TYPES[name[name.rindex(".") :]]

    async def serve(_: web.Request) -> web.Response:
        return web.Response(body=content, content_type=content_type, charset="utf-8")

    return serve


def _json(data: object) -> web.Response:
    return web.Response(text=_text(data), content_type="application/json")


def _text(data: object) -> str:
    """JSON without line breaks, which would end a server-sent event."""
    return json.dumps(_cleaned(data), separators=(",", ":"))


def _cleaned(data: object) -> object:
    """The data without characters that turn the direction of text or hide in it."""
    if isinstance(data, str):
        return clean(data)
    if isinstance(data, dict):
        return {key: _cleaned(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_cleaned(value) for value in data]
    return data
