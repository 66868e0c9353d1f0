"""The session, with a server that answers what a test wants."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from controlplane.certificates import Authority
from pinnedrelease.cluster.configuration import ClusterAccess, TokenSource, load_access
from pinnedrelease.cluster.errors import CertificateRefused, NoConfiguration, Unavailable
from pinnedrelease.cluster.session import Session
from tls_server import empty_lists, kubeconfig_of

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


async def test_a_page_of_a_list_may_take_longer_than_one_object(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.3)
        return web.json_response({"items": []})

    app = web.Application()
    app.router.add_get(PATH, answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setattr("pinnedrelease.cluster.session.DEADLINE_S", 0.05)
    session = connected(f"http://127.0.0.1:{runner.addresses[0][1]}")

    await session.get(PATH, {"limit": "500"})
    await session.list_metadata(PATH, {"limit": "500", "continue": "next"})
    with pytest.raises(Unavailable):
        await session.get(PATH)
    with pytest.raises(Unavailable):
        await session.probe(PATH)

    await session.close()
    await runner.cleanup()


@pytest.mark.parametrize("prefix", ["", "/k8s/clusters/c-1"])
async def test_a_server_behind_a_path_has_its_watches_known_by_the_usual_names(
    server: str, prefix: str
) -> None:
    session = connected(server + prefix)

    await watched(session)

    assert session.watches.were_opened() == {PATH}
    await session.close()


@pytest.fixture
async def secure(tmp_path: Path) -> AsyncIterator[tuple[str, Path]]:
    """A server whose certificate has other names than the one it is asked by; its authority."""
    authority = Authority(tmp_path / "pki")
    async with empty_lists(authority, PATH, "127.0.0.2") as address:
        yield f"https://{address}", authority.certificate


async def test_the_name_that_a_kubeconfig_gives_a_server_is_the_one_that_counts(
    secure: tuple[str, Path], tmp_path: Path
) -> None:
    server, authority = secure
    named = {"server": server, "certificate-authority": str(authority)}

    for extra, is_right in (({}, False), ({"tls-server-name": "localhost"}, True)):
        access = load_access(kubeconfig_of(tmp_path, **named, **extra), None, lambda: 0.0)
        session = Session(access)
        if is_right:
            await session.get(PATH)
        else:
            with pytest.raises(CertificateRefused):
                await session.get(PATH)
        await session.close()


async def test_a_proxy_that_a_kubeconfig_names_is_used(server: str, tmp_path: Path) -> None:
    asked: list[str] = []

    async def refuse(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(f"{request.method} {request.path_qs}")
        return web.Response(status=503)

    proxy = web.ServerRunner(web.Server(refuse))
    await proxy.setup()
    await web.TCPSite(proxy, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{proxy.addresses[0][1]}"
    named = {"server": server.replace("http:", "https:"), "proxy-url": address}
    session = Session(load_access(kubeconfig_of(tmp_path, **named), None, lambda: 0.0))

    with pytest.raises(Unavailable):
        await session.get(PATH)

    assert asked[0].startswith("CONNECT")
    await session.close()
    await proxy.cleanup()


def test_a_proxy_of_the_environment_is_none_of_the_clusters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package asks the environment again when it learns the server's name."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("NO_PROXY", "localhost")
    named = {"server": "https://10.0.0.1", "tls-server-name": "apiserver"}

    access = load_access(kubeconfig_of(tmp_path, **named), None, lambda: 0.0)

    assert (access.proxy, access.server_name) == (None, "apiserver")


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        ({"proxy-url": "socks5://127.0.0.1:1"}, "is no HTTP proxy"),
        ({"proxy-url": "http://p:1", "tls-server-name": "x"}, "cannot do both"),
    ],
)
def test_a_way_that_cannot_be_gone_is_told(
    tmp_path: Path, cluster: dict[str, str], words: str
) -> None:
    path = kubeconfig_of(tmp_path, server="https://10.0.0.1", **cluster)

    with pytest.raises(NoConfiguration, match=words):
        load_access(path, None, lambda: 0.0)


def test_an_authority_with_a_comment_in_french_is_read(tmp_path: Path) -> None:
    """A TypeError ended commands and operator with a traceback."""
    authority = Authority(tmp_path / "pki").certificate
    text = "# Autorité de certification\n" + authority.read_text()
    authority.write_text(text, encoding="utf-8")
    path = kubeconfig_of(
        tmp_path, **{"server": "https://10.0.0.1", "certificate-authority": str(authority)}
    )

    assert load_access(path, None, lambda: 0.0).tls.get_ca_certs()


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
