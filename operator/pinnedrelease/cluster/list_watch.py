"""An own list and watch: each object is cut down to a small value as it arrives (ADR 9, ADR 14)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from pinnedrelease.cluster import paths
from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.errors import ClusterError, Forbidden, Gone, MalformedDocument
from pinnedrelease.cluster.session import Session
from pinnedrelease.cluster.watch_book import LONGEST_PAUSE_S
from pinnedrelease.core import backoff

log = logging.getLogger(__name__)

PAGE = 500
REFUSALS = 6
"""So many in a row, two seconds or more: an API server that starts refuses what is allowed."""
RELIST_S = 3600.0
"""An end that was never told leaves an object that is none: now and then all are listed anew."""

Item = TypeVar("Item")


class Events(Protocol[Item]):
    """Who wants to know."""

    def replace_all(self, namespace: str | None, items: list[Item]) -> None:
        """These are all of a namespace, or of all of them."""

    def changed(self, item: Item) -> None:
        """This one has been added or has changed."""

    def gone(self, item: Item) -> None:
        """This one is gone."""

    def not_allowed(self, namespace: str | None) -> None:
        """They may not be read."""


class ListWatch(Generic[Item]):
    """One kind in one namespace, or in all."""

    def __init__(
        self,
        session: Session,
        kind: paths.ResourceKind,
        namespace: str | None,
        decode: Callable[[Document], Item | None],
        events: Events[Item],
        unit_random: Callable[[], float],
    ) -> None:
        """``decode`` may raise MalformedDocument; None: of no interest to anybody."""
        self._session = session
        self._decode = decode
        self._events = events
        self._namespace = namespace
        self._path = paths.collection(kind, namespace)
        self._unit_random = unit_random

    async def run(self) -> None:
        """Keep up, for ever."""
        failures = refusals = 0
        version: str | None = None
        now_s = asyncio.get_running_loop().time
        listed_at_s = now_s()
        while True:
            try:
                if version is None or now_s() - listed_at_s > RELIST_S:
                    listed_at_s = now_s()
                    version = await self._list()
                version = await self._watch(version)
                failures = refusals = 0
            except Gone:
                version = None
            except Forbidden as error:
                refusals += 1
                if refusals < REFUSALS:
                    await self._pause(refusals)
                    continue
                if refusals == REFUSALS:
                    log.warning("not watched", extra={"path": self._path, "error": str(error)})
                self._events.not_allowed(self._namespace)
                version = None
                await asyncio.sleep(LONGEST_PAUSE_S)
            except ClusterError as error:
                failures, refusals = failures + 1, 0
                log.info("a watch ended", extra={"path": self._path, "error": str(error)})
                await self._pause(failures)

    async def _pause(self, failures: int) -> None:
        """Growing, but an API server that is back is not left alone for long."""
        delay_s = backoff.delay_s(failures, self._unit_random())
        await asyncio.sleep(min(delay_s, LONGEST_PAUSE_S))

    async def _list(self) -> str:
        found: list[Item] = []
        query = {"limit": str(PAGE)}
        while True:
            page = await self._session.get(self._path, query)
            for document in page.children("items"):
                item = self._decoded(document)
                if item is not None:
                    found.append(item)
            metadata = page.child("metadata")
            following = metadata.optional_text("continue")
            if not following:
                self._events.replace_all(self._namespace, found)
                return metadata.text("resourceVersion")
            query = {"limit": str(PAGE), "continue": following}

    async def _watch(self, version: str) -> str:
        """Follow the events; returns the version to go on from when the server ends the watch."""
        query = {"resourceVersion": version, "allowWatchBookmarks": "true"}
        async for event in self._session.watch(self._path, query):
            kind, document = event.text("type"), event.child("object")
            if kind == "ERROR":
                if document.number("code") == Gone.code:
                    raise Gone(f"{self._path}: {document.optional_text('message') or ''}")
                raise MalformedDocument(f"{self._path}: {document.optional_text('message')}")
            version = document.child("metadata").optional_text("resourceVersion") or version
            item = self._decoded(document) if kind != "BOOKMARK" else None
            if item is None:
                continue
            if kind == "DELETED":
                self._events.gone(item)
            else:
                self._events.changed(item)
        return version

    def _decoded(self, document: Document) -> Item | None:
        try:
            return self._decode(document)
        except MalformedDocument as error:
            log.warning("object not read", extra={"path": self._path, "error": str(error)})
            return None
