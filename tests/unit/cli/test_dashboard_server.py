"""The page's server over real connections: who is answered, with what, and what never changes."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hatchling.builders.wheel import WheelBuilder
from yarl import URL

from doctor_world import stored
from objects import pinned_release
from pinnedrelease.api.resource import decode_release
from pinnedrelease.cli.commands import Commands
from pinnedrelease.cli.dashboard.board import Board
from pinnedrelease.cli.dashboard.server import COALESCE_S, Pages
from pinnedrelease.core.observed import Release

ROOT = Path(__file__).parents[3]
STATIC = ROOT / "operator/pinnedrelease/cli/dashboard/static"
SECRET = "the-secret"
SCRIPT = "<script>alert(1)</script>"
TURNED = "\u202egnp.exe\u200b\x1b[2J"


def release(name: str = "web", version: str = "1", message: str = "all well") -> Release:
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "Pinned",
        "message": message,
        "lastTransitionTime": "2026-11-23T12:00:00Z",
    }
    drift = {
        "kind": "Template",
        "subject": SCRIPT,
        "expected": "x",
        "observed": TURNED,
        "actor": SCRIPT,
        "detectTime": "2026-11-23T12:00:00Z",
    }
    status = {"observedGeneration": 1, "conditions": [ready], "drift": [drift]}
    read = decode_release(stored(pinned_release(name, changeCause=SCRIPT), status=status))
    return replace(read, resource_version=version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A page on a real port of loopback."""

    board: Board
    port: int
    http: aiohttp.ClientSession

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/{SECRET}/"

    async def get(self, path: str = "", **options: Any) -> tuple[int, str]:
        async with self.http.get(self.address + path, **options) as answer:
            return answer.status, await answer.text()

    @asynccontextmanager
    async def news(self) -> AsyncIterator[AsyncIterator[Any]]:
        """The messages of the stream of news."""
        async with self.http.get(self.address + "news") as answer:
            assert answer.content_type == "text/event-stream"

            async def messages() -> AsyncIterator[Any]:
                async for line in answer.content:
                    if line.startswith(b"data: "):
                        yield json.loads(line.removeprefix(b"data: "))

            yield messages()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    board = Board()
    about = {"server": "https://cluster", "context": None, "namespace": "shop"}
    pages = Pages(board, Commands(program="pinrel"), about)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        runner = web.AppRunner(pages.application(port, SECRET), shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        async with aiohttp.ClientSession() as http:
            yield Served(board=board, port=port, http=http)
        await runner.cleanup()


@pytest.mark.parametrize("host", ["evil.example.com", "127.0.0.1", "127.0.0.1:1", "", "localhost."])
async def test_another_host_name_that_leads_here_is_refused(served: Served, host: str) -> None:
    """DNS rebinding: a page of evil.example.com asks evil.example.com, which is loopback by now."""
    for path in ("", "about", "news", "records?namespace=shop"):
        status, text = await served.get(path, headers={"Host": host})

        assert status == 421
        assert "web" not in text


async def test_both_names_of_loopback_are_answered(served: Served) -> None:
    for host in ("127.0.0.1", "localhost", "LOCALHOST"):
        assert (await served.get(headers={"Host": f"{host}:{served.port}"}))[0] == 200


@pytest.mark.parametrize("path", ["", "wrong/", "wrong/about", "the-secre/", "the-secret0/news"])
async def test_without_the_secret_nothing_is_told(served: Served, path: str) -> None:
    async with served.http.get(f"http://127.0.0.1:{served.port}/{path}") as answer:
        assert answer.status == 404
        assert "open the address" in await answer.text()


async def test_a_request_that_names_no_path_is_refused_as_well(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    host = f"127.0.0.1:{served.port}"
    writer.write(f"OPTIONS * HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())

    assert (await reader.readline()).split()[1] == b"404"
    writer.close()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_nothing_but_reading_is_answered(served: Served, method: str) -> None:
    served.board.put(release())
    for path in ("", "about", "news", "records", "releases/shop/web"):
        async with served.http.request(method, served.address + path, data=b"{}") as answer:
            assert answer.status == 405


@pytest.mark.parametrize(
    ("path", "host"), [("", None), ("about", None), ("nothing", None), ("", "evil.example.com")]
)
async def test_every_answer_forbids_what_a_page_of_ours_never_does(
    served: Served, path: str, host: str | None
) -> None:
    headers = {"Host": host} if host else {}
    async with served.http.get(served.address + path, headers=headers) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert "require-trusted-types-for 'script'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "path", ["..%2f..%2fserver.py", "%2e%2e/server.py", "/etc/passwd", "static/app.js", "board.py"]
)
async def test_no_path_leads_to_another_file(served: Served, path: str) -> None:
    address = f"http://127.0.0.1:{served.port}/{SECRET}/{path}"
    async with served.http.get(URL(address, encoded=True)) as answer:
        assert answer.status == 404


async def test_the_page_and_all_that_it_names_are_served(served: Served) -> None:
    _, page = await served.get()
    named = set(re.findall(r'(?:src|href)="([^"#]+)"', page))
    for script in ("app.js", "release.js"):
        named |= set(re.findall(r'from "\./([^"]+)"', (await served.get(script))[1]))

    assert {"app.js", "theme.css", "pin.svg", "timeline.js"} <= named
    for name in named:
        assert (await served.get(name))[0] == 200, name


async def test_what_comes_from_a_cluster_is_told_as_json_and_never_as_markup(
    served: Served,
) -> None:
    served.board.put(release(message=SCRIPT))

    async with served.http.get(served.address + "releases/shop/web") as answer:
        told, text = await answer.json(), await answer.text()
        assert answer.content_type == "application/json"

    assert told["message"] == SCRIPT, "shown as it is, as text"
    assert told["drift"][0]["actor"] == SCRIPT
    assert told["drift"][0]["observed"] == "\N{REPLACEMENT CHARACTER}gnp.exe\ufffd\ufffd[2J"
    assert not set(TURNED) & set(text) & {"\u202e", "\u200b", "\x1b"}


async def test_a_release_that_is_not_there_is_not_found(served: Served) -> None:
    assert (await served.get("releases/shop/nobody"))[0] == 404


async def test_records_are_those_of_the_namespace_that_was_asked_for(served: Served) -> None:
    served.board.put(release())

    assert [one["name"] for one in json.loads((await served.get("records?namespace=shop"))[1])] == [
        "web"
    ]
    assert json.loads((await served.get("records?namespace=other"))[1]) == []
    assert json.loads((await served.get("records"))[1]) == []


async def test_news_begin_with_everything_and_go_on_with_what_changes(served: Served) -> None:
    served.board.replace_all([release("one"), release("two")])

    async with served.news() as messages:
        first = await anext(messages)
        served.board.put(release("two", version="2", message="a line\nand another"))
        served.board.remove(("shop", "one"))
        second = await anext(messages)
        served.board.set_trouble("no answer")
        third = await anext(messages)

    assert first["isAll"] is True
    assert [one["name"] for one in first["releases"]] == ["one", "two"]
    assert second["isAll"] is False
    assert [one["message"] for one in second["releases"]] == ["a line\nand another"]
    assert second["gone"] == [["shop", "one"]]
    assert (third["releases"], third["trouble"]) == ([], "no answer")


async def test_a_status_that_is_the_same_is_no_news(served: Served) -> None:
    served.board.put(release())
    with served.board.news() as news:
        served.board.put(release())
        served.board.replace_all([release()])
        assert await news.wait(0.01) is False
        served.board.replace_all([])
        assert await news.wait(0.01) is True
        assert news.take() == {("shop", "web")}


async def test_a_reader_that_has_gone_is_no_error(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    async with served.news() as messages:
        await anext(messages)
    for version in ("2", "3", "4"):
        served.board.put(release(version=version))
        await asyncio.sleep(2 * COALESCE_S)

    assert caplog.messages == []


def test_scripts_make_elements_from_text_only() -> None:
    """The Content-Security-Policy forbids it as well (trusted types), where browsers know them."""
    forbidden = re.compile(r"(?:inner|outer|Adjacent)HTML|document\.write|eval\(|srcdoc|Function\(")
    for path in STATIC.glob("*.js"):
        assert not forbidden.search(path.read_text()), path.name


def test_nothing_is_fetched_from_elsewhere() -> None:
    known = {"http://www.w3.org/2000/svg"}
    for path in STATIC.iterdir():
        text = path.read_text()
        assert set(re.findall(r"(?:https?:)?//[a-z][a-z.]+[^\s\"']*", text)) <= known, path.name
        assert not re.search(r"(?:@import|url\((?!#))", text), path.name


def test_no_file_has_styles_or_scripts_that_the_policy_refuses() -> None:
    page = (STATIC / "index.html").read_text()

    assert "<style" not in page
    assert not re.search(r"<script(?![^>]*src=)", page)
    assert not re.search(r"\s(?:on\w+|style)=", page)


def test_a_wheel_brings_the_page_along(tmp_path: Path) -> None:
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])

    with zipfile.ZipFile(built) as wheel:
        packed = {Path(name).name for name in wheel.namelist() if "/dashboard/static/" in name}

    assert packed == {path.name for path in STATIC.iterdir()}
