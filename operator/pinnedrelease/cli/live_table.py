"""A table that lives: redrawn on a terminal, line by line into a pipe, as ``kubectl get -w``."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterable
from typing import NoReturn

from pinnedrelease.cli.connection import Connection
from pinnedrelease.cli.output import clean, is_colourful, note
from pinnedrelease.cli.release_watch import ReleaseWatch
from pinnedrelease.cli.status_text import is_good, table_text
from pinnedrelease.core.observed import Release
from pinnedrelease.reconcile.clock import SystemClock

REDRAW_S = 0.2
AGES_S = 10.0
CLEAR = "\x1b[H\x1b[J"
_RED, _GREEN, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[0m"


async def follow(
    connection: Connection, scope: str | None, name: str | None, *, is_wide: bool
) -> NoReturn:
    """Show PinnedReleases until somebody interrupts. Raises ClusterErrors at the beginning only."""
    view = _View(is_wide=is_wide, with_namespace=scope is None)
    selector = {"fieldSelector": f"metadata.name={name}"} if name else {}
    watch = ReleaseWatch(connection.session, view, scope, selector)
    await watch.look()
    view.begin()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(watch.follow(), name="events")
            group.create_task(view.keep_drawing(), name="drawing")
    except ExceptionGroup as failed:
        # Both are endless, so it is one of them; a closed pipe, for example.
        raise failed.exceptions[0] from failed
    raise AssertionError("both tasks are endless")


class _View:
    """What is on the screen: a board for the watch."""

    def __init__(self, *, is_wide: bool, with_namespace: bool) -> None:
        self._found: dict[tuple[str, str], Release] = {}
        self._is_wide = is_wide
        self._with_namespace = with_namespace
        self._changed = asyncio.Event()
        self._is_terminal = sys.stdout.isatty()
        self._has_begun = False
        self._trouble: str | None = None

    def begin(self) -> None:
        """Show what is there; from now on what changes."""
        self._has_begun = True
        self._show_all()

    def replace_all(self, releases: Iterable[Release]) -> None:
        """These are all that there are."""
        found = {(one.namespace, one.name): one for one in releases}
        for key in self._found.keys() - found.keys():
            self.remove(key)
        for release in found.values():
            self.put(release)

    def put(self, release: Release) -> None:
        """This one has been added or has changed."""
        key = (release.namespace, release.name)
        before = self._found.get(key)
        self._found[key] = release
        self._changed.set()
        is_news = before is None or _seen(before) != _seen(release)
        if self._has_begun and not self._is_terminal and is_news:
            self._write(self._text([release], with_header=False))

    def remove(self, key: tuple[str, str]) -> None:
        """This one is gone."""
        self._found.pop(key, None)
        self._changed.set()

    def set_trouble(self, trouble: str | None) -> None:
        """Why the table may be old."""
        if trouble is not None and trouble != self._trouble and not self._is_terminal:
            note(f"what is shown may be old: {trouble}")
        self._trouble = trouble
        self._changed.set()

    def _show_all(self) -> None:
        """Everything, from the top of the screen when there is one."""
        releases = list(self._found.values())
        text = self._text(releases, with_header=True)
        if self._is_terminal:
            lines = self._coloured(text.splitlines())
            state = f"this may be old: {self._trouble}" if self._trouble else "following"
            footer = f"\n{clean(state)}; Ctrl-C ends\n"
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
                self._show_all()
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
