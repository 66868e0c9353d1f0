"""A table that lives: redrawn on a terminal, line by line into a pipe, as ``kubectl get -w``."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import NoReturn

from pinnedrelease.api.errors import NotAResource
from pinnedrelease.api.resource import decode_release
from pinnedrelease.cli.connection import Connection
from pinnedrelease.cli.output import clean, is_colourful
from pinnedrelease.cli.status_text import is_good, table_text
from pinnedrelease.cluster import paths
from pinnedrelease.cluster.errors import Gone, Unavailable
from pinnedrelease.core.observed import Release
from pinnedrelease.reconcile.clock import SystemClock

REDRAW_S = 0.2
AGES_S = 10.0
PAUSE_S = 2.0
CLEAR = "\x1b[H\x1b[J"
_RED, _GREEN, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[0m"


async def follow(
    connection: Connection, scope: str | None, name: str | None, *, is_wide: bool
) -> NoReturn:
    """Show PinnedReleases until somebody interrupts. Raises CommandErrors at the beginning only."""
    found = {
        (one.namespace, one.name): one
        for one in await connection.releases(scope)
        if name in (None, one.name)
    }
    view = _View(found, is_wide=is_wide, with_namespace=scope is None)
    view.show_all()
    async with asyncio.TaskGroup() as group:
        group.create_task(_read_events(connection, scope, name, view), name="events")
        group.create_task(view.keep_drawing(), name="drawing")
    raise AssertionError("both tasks are endless")


async def _read_events(
    connection: Connection, scope: str | None, name: str | None, view: _View
) -> NoReturn:
    path = paths.collection(paths.RELEASES, scope)
    query = {"fieldSelector": f"metadata.name={name}"} if name else {}
    while True:
        # A watch without a version begins with what is there now: nothing is missed in between.
        with contextlib.suppress(Gone, Unavailable):
            async for event in connection.session.watch(path, query):
                with contextlib.suppress(NotAResource):
                    release = decode_release(event.child("object").values)
                    view.update(release, is_gone=event.optional_text("type") == "DELETED")
        await asyncio.sleep(PAUSE_S)


class _View:
    """What is on the screen."""

    def __init__(
        self, found: dict[tuple[str, str], Release], *, is_wide: bool, with_namespace: bool
    ) -> None:
        self._found = found
        self._is_wide = is_wide
        self._with_namespace = with_namespace
        self._changed = asyncio.Event()
        self._is_terminal = sys.stdout.isatty()

    def update(self, release: Release, *, is_gone: bool) -> None:
        """Take a change over."""
        key = (release.namespace, release.name)
        before = self._found.get(key)
        if is_gone:
            self._found.pop(key, None)
        else:
            self._found[key] = release
        if self._is_terminal:
            self._changed.set()
        elif not is_gone and (before is None or _seen(before) != _seen(release)):
            self._write(self._text([release], with_header=False))

    def show_all(self) -> None:
        """Everything, from the top of the screen when there is one."""
        releases = list(self._found.values())
        text = self._text(releases, with_header=True)
        if self._is_terminal:
            lines = self._coloured(text.splitlines())
            footer = "\nfollowing; Ctrl-C ends\n"
            text = CLEAR + "\n".join(lines) + "\n" + footer
        self._write(text)

    async def keep_drawing(self) -> NoReturn:
        """Redraw after changes, not more often than people can read; ages move on by themselves."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(AGES_S):
                    await self._changed.wait()
            self._changed.clear()
            if self._is_terminal:
                self.show_all()
            await asyncio.sleep(REDRAW_S)

    def _text(self, releases: list[Release], *, with_header: bool) -> str:
        now = SystemClock().now().wall
        text = table_text(
            releases,
            now,
            is_wide=self._is_wide,
            with_namespace=self._with_namespace,
            with_header=with_header,
        )
        return clean(text)

    def _coloured(self, lines: list[str]) -> list[str]:
        if not is_colourful():
            return lines
        ordered = sorted(self._found.values(), key=lambda one: (one.namespace, one.name))
        colours = [_GREEN if is_good(one) else _RED for one in ordered]
        return lines[:1] + [
            f"{colour}{line}{_PLAIN}" for colour, line in zip(colours, lines[1:], strict=True)
        ]

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


def _seen(release: Release) -> str:
    """What a line shows, apart from the age."""
    return table_text([release], release.created_at, is_wide=True)
