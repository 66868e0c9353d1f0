"""An own list and watch: each object is cut down to a small value as it arrives (ADR 9, ADR 14)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

from pinnedrelease.cluster import paths
from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.errors import (
    ClusterError,
    Forbidden,
    Gone,
    MalformedDocument,
    Unavailable,
)
from pinnedrelease.cluster.session import Session
from pinnedrelease.cluster.watch_book import LONGEST_PAUSE_S, SHORT_S
from pinnedrelease.core import backoff

log = logging.getLogger(__name__)

PAGE = 500
REFUSALS = 6
"""So many in a row, two seconds or more: an API server that starts refuses what is allowed."""
PAGE_REPEATS = 2
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

    def of_no_interest(self, uid: str) -> None:
        """The object of this uid is of no interest, whatever it was before."""

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
        self._version: str | None = None
        """Up to where everything has been told; None before the first list, and when that is too
        old to go on from."""

    async def run(self) -> None:
        """Keep up, for ever."""
        failures = refusals = 0
        now_s = asyncio.get_running_loop().time
        listed_at_s = now_s()
        while True:
            asked_at_s = now_s()
            try:
                if self._version is None or asked_at_s - listed_at_s > RELIST_S:
                    listed_at_s = asked_at_s
                    self._version = await self._list()
                await self._watch(self._version)
                failures = refusals = 0
            except Gone:
                self._version = None
            except Forbidden as error:
                refusals += 1
                if refusals < REFUSALS:
                    await self._pause(refusals)
                    continue
                if refusals == REFUSALS:
                    log.warning("not watched", extra={"path": self._path, "error": str(error)})
                self._events.not_allowed(self._namespace)
                self._version = None
                await asyncio.sleep(LONGEST_PAUSE_S)
            except ClusterError as error:
                has_lived = now_s() - asked_at_s > SHORT_S
                failures, refusals = 1 if has_lived else failures + 1, 0
                log.info("a watch ended", extra={"path": self._path, "error": str(error)})
                await self._pause(failures)

    async def _pause(self, failures: int, *, at_least_s: float = 0.0) -> None:
        """Growing, but an API server that is back is not left alone for long."""
        delay_s = backoff.delay_s(failures, self._unit_random(), at_least_s=at_least_s)
        await asyncio.sleep(min(delay_s, LONGEST_PAUSE_S))

    async def _list(self) -> str:
        found: list[Item] = []
        query = {"limit": str(PAGE)}
        while True:
            page = await self._page(query)
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

    async def _page(self, query: Mapping[str, str]) -> Document:
        """One page. A later one is asked for again: all that came before it would be in vain."""
        for failures in range(1, PAGE_REPEATS + 1):
            try:
                return await self._session.get(self._path, query)
            except Unavailable as error:
                if "continue" not in query:
                    raise
                log.info("a page did not come", extra={"path": self._path, "error": str(error)})
                await self._pause(failures, at_least_s=error.retry_after_s or 0.0)
        return await self._session.get(self._path, query)

    async def _watch(self, version: str) -> None:
        """Follow the events until the server ends the watch, or something breaks it off."""
        query = {"resourceVersion": version, "allowWatchBookmarks": "true"}
        async for event in self._session.watch(self._path, query):
            kind, document = event.text("type"), event.child("object")
            if kind == "ERROR":
                if document.number("code") == Gone.code:
                    raise Gone(f"{self._path}: {document.optional_text('message') or ''}")
                raise MalformedDocument(f"{self._path}: {document.optional_text('message')}")
            metadata = document.child("metadata")
            if kind != "BOOKMARK":
                self._tell(kind, metadata, self._decoded(document))
            self._version = metadata.optional_text("resourceVersion") or self._version

    def _tell(self, kind: str, metadata: Document, item: Item | None) -> None:
        if item is None:
            self._events.of_no_interest(metadata.optional_text("uid") or "")
        elif kind == "DELETED":
            self._events.gone(item)
        else:
            self._events.changed(item)

    def _decoded(self, document: Document) -> Item | None:
        try:
            return self._decode(document)
        except MalformedDocument as error:
            log.warning("object not read", extra={"path": self._path, "error": str(error)})
        except Exception:
            # P-6: no object may stop the others, not even by a defect of the reader.
            log.exception("reading an object failed", extra={"path": self._path})
        return None
