"""A list and a watch of PinnedReleases that keep what somebody looks at up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import NoReturn, Protocol

from pinnedrelease.api.errors import NotAResource
from pinnedrelease.api.resource import decode_release
from pinnedrelease.cluster import paths
from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.errors import ClusterError, Gone, MalformedDocument
from pinnedrelease.cluster.session import Session
from pinnedrelease.core.observed import Release

PAGE = "500"
PAUSE_S = 2.0


class Board(Protocol):
    """What somebody looks at."""

    def replace_all(self, releases: Iterable[Release]) -> None:
        """These are all that there are."""

    def put(self, release: Release) -> None:
        """This one has been added or has changed."""

    def remove(self, key: tuple[str, str]) -> None:
        """This one (namespace and name) is gone."""

    def set_trouble(self, trouble: str | None) -> None:
        """Why what is shown may be old; None while it is not."""


class ReleaseWatch:
    """PinnedReleases of one namespace, or (None) of all."""

    def __init__(
        self,
        session: Session,
        board: Board,
        namespace: str | None,
        selector: Mapping[str, str] | None = None,
    ) -> None:
        """``selector``: further parameters of the list and the watch."""
        self._selector = dict(selector or {})
        self._session = session
        self._board = board
        self._path = paths.collection(paths.RELEASES, namespace)
        self._version: str | None = None

    async def look(self) -> None:
        """List everything once. Raises a ClusterError."""
        found: list[Release] = []
        query = {**self._selector, "limit": PAGE}
        while True:
            page = await self._session.get(self._path, query)
            decoded = (_decoded(document) for document in page.children("items"))
            found += [one for one in decoded if one is not None]
            metadata = page.child("metadata")
            following = metadata.optional_text("continue")
            if not following:
                break
            query = {**self._selector, "limit": PAGE, "continue": following}
        self._version = metadata.optional_text("resourceVersion")
        self._board.replace_all(found)
        self._board.set_trouble(None)

    async def follow(self) -> NoReturn:
        """Keep up, for ever. What the API server refuses becomes the board's trouble."""
        while True:
            try:
                if self._version is None:
                    await self.look()
                await self._read_events()
            except Gone:
                self._version = None
            except ClusterError as error:
                # What was missed meanwhile is found by listing anew.
                self._version = None
                self._board.set_trouble(str(error))
                await asyncio.sleep(PAUSE_S)

    async def _read_events(self) -> None:
        query = {**self._selector, "allowWatchBookmarks": "true"}
        query["resourceVersion"] = self._version or ""
        async for event in self._session.watch(self._path, query):
            kind, document = event.optional_text("type"), event.child("object")
            if kind == "ERROR":
                message = f"{self._path}: {document.optional_text('message') or ''}"
                raise (Gone if document.number("code") == Gone.code else MalformedDocument)(message)
            version = document.child("metadata").optional_text("resourceVersion")
            self._version = version or self._version
            release = _decoded(document) if kind != "BOOKMARK" else None
            if release is None:
                continue
            if kind == "DELETED":
                self._board.remove((release.namespace, release.name))
            else:
                self._board.put(release)


def _decoded(document: Document) -> Release | None:
    """An object without usable metadata is no PinnedRelease: nothing could be said of it."""
    try:
        return decode_release(document.values)
    except NotAResource:
        return None
