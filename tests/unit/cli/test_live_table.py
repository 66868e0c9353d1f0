"""The table that lives: what is gone goes, and what keeps it from living is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import pytest

from objects import pinned_release
from pinnedrelease.cli import live_table, release_watch
from pinnedrelease.cli.connection import Connection
from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.errors import ClusterError, Forbidden


def stored(name: str, version: str) -> Any:
    manifest: Any = pinned_release(name)
    manifest["metadata"] |= {
        "namespace": "shop", "uid": name, "resourceVersion": version, "generation": 1,
        "creationTimestamp": "2026-11-26T12:00:00Z",
    }  # fmt: skip
    return manifest


class Server:
    """Lists and watches from a script; silent for ever at its end."""

    def __init__(self, lists: list[Any], watches: list[Any]) -> None:
        self._lists, self._watches = lists, watches
        self.played = asyncio.Event()

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Document:  # noqa: ARG002
        items = self._lists.pop(0) if len(self._lists) > 1 else self._lists[0]
        return Document.of({"metadata": {"resourceVersion": "5"}, "items": items})

    async def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[Document]:  # noqa: ARG002
        if not self._watches:
            self.played.set()
            await asyncio.Event().wait()
        step = self._watches.pop(0)
        if isinstance(step, ClusterError):
            raise step
        for one in step:
            yield Document.of(one)


async def shown(server: Server, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is on the screen when the script has been played."""
    monkeypatch.setattr(release_watch, "PAUSE_S", 0.01)
    views: list[Any] = []
    make = live_table._View

    def kept(**options: Any) -> Any:
        views.append(make(**options))
        return views[-1]

    monkeypatch.setattr(live_table, "_View", kept)
    connection = cast(Connection, type("C", (), {"session": server})())
    task = asyncio.create_task(live_table.follow(connection, "shop", None, is_wide=False))
    await asyncio.wait({task, asyncio.create_task(server.played.wait())}, timeout=5,
                       return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
    assert not task.done(), task.exception()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return [name for _, name in views[0]._found]


async def test_what_is_deleted_while_no_watch_is_open_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A watch tells what is there, and never what went before it began: a ghost stayed for ever."""
    both = [stored("web", "3"), stored("gone", "4")]
    server = Server([both, [stored("web", "3")]], [Forbidden("cut"), []])

    assert await shown(server, monkeypatch) == ["web"]


async def test_who_may_list_and_not_watch_is_told_and_gets_lists(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ended with "this is a defect of pinrel"."""
    lists = [[stored("web", "3")], [stored("web", "3")], [stored("new", "9")]]
    server = Server(lists, [Forbidden("may not watch"), Forbidden("may not watch")])

    assert await shown(server, monkeypatch) == ["new"]
    assert "what is shown may be old: may not watch" in capsys.readouterr().err
