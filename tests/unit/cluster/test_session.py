"""The session, with a server that answers what a test wants."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from pinnedrelease.cluster.configuration import ClusterAccess, TokenSource
from pinnedrelease.cluster.errors import Unavailable
from pinnedrelease.cluster.session import Session

PATH = "/apis/apps/v1/deployments"


@pytest.fixture
async def server() -> AsyncIterator[str]:
    """An API server of one path, also behind a path of its own as Rancher has it."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.query.get("watch") != "true":
            return web.json_response({"items": [], "metadata": {"resourceVersion": "1"}})
        response = web.StreamResponse()
        await response.prepare(request)
        return response

    app = web.Application()
    for prefix in ("", "/k8s/clusters/c-1"):
        app.router.add_get(prefix + PATH, answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


def connected(server: str) -> Session:
    tokens = TokenSource(lambda: None, lambda: 0.0)
    access = ClusterAccess(server=server, tls=ssl.create_default_context(), tokens=tokens)
    return Session(access)


async def watched(session: Session) -> None:
    """A watch that was open and has ended."""
    async for _ in session.watch(PATH, {}):
        pass


async def test_a_look_whether_the_server_answers_is_no_list(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watchdog's own question put off its own verdict for ever."""
    session = connected(server)
    await watched(session)
    loop = asyncio.get_running_loop()
    now_s = loop.time()
    session.watches.closed_for_s(PATH)
    monkeypatch.setattr(loop, "time", lambda: now_s + 30)

    await session.probe(PATH)
    after_a_look_s = session.watches.closed_for_s(PATH)
    await session.get(PATH)

    assert after_a_look_s > 25
    assert session.watches.closed_for_s(PATH) == 0
    await session.close()


@pytest.mark.parametrize("prefix", ["", "/k8s/clusters/c-1"])
async def test_a_server_behind_a_path_has_its_watches_known_by_the_usual_names(
    server: str, prefix: str
) -> None:
    session = connected(server + prefix)

    await watched(session)

    assert session.watches.were_opened() == {PATH}
    await session.close()


class _Cancelling:
    """An HTTP session in which something is cancelled that nobody of ours has cancelled."""

    closed = False

    def request(self, *_: object, **__: object) -> Any:
        raise asyncio.CancelledError

    get = request

    async def close(self) -> None:
        pass


async def test_a_cancellation_inside_of_the_library_is_an_answer_that_did_not_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """aiohttp cancels lookups of names when kopf closes a session after 401; others waited, too."""
    session = connected("http://127.0.0.1:1")
    monkeypatch.setattr(session, "_http", _Cancelling())

    with pytest.raises(Unavailable):
        await session.get(PATH)
    with pytest.raises(Unavailable):
        await watched(session)


async def test_a_request_that_is_cancelled_ends(server: str) -> None:
    session = connected(server)
    task = asyncio.create_task(session.get(PATH))
    await asyncio.sleep(0)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    await session.close()
