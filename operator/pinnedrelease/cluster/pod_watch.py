"""An own list and watch of pods: each is cut down to what a plan needs as it arrives (ADR 9)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from pinnedrelease.cluster import paths
from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.errors import ClusterError, Forbidden, Gone, MalformedDocument
from pinnedrelease.cluster.pods import OwnedPod, decode_pod
from pinnedrelease.cluster.session import Session
from pinnedrelease.core import backoff

log = logging.getLogger(__name__)

PAGE = 500
FORBIDDEN_RETRY_S = 300.0
RELIST_S = 3600.0
"""An end that was never told leaves a pod that is none: now and then all are listed anew."""


class PodEvents(Protocol):
    """Who wants to know."""

    def replace_all(self, namespace: str | None, pods: list[OwnedPod]) -> None:
        """These are all pods of a namespace, or of all of them."""

    def changed(self, pod: OwnedPod) -> None:
        """This pod has been added or has changed."""

    def gone(self, pod: OwnedPod) -> None:
        """This pod is gone."""

    def not_allowed(self) -> None:
        """Pods may not be read."""


class PodWatch:
    """Pods of one namespace, or of all."""

    def __init__(
        self,
        session: Session,
        events: PodEvents,
        namespace: str | None,
        unit_random: Callable[[], float],
    ) -> None:
        self._session = session
        self._events = events
        self._namespace = namespace
        self._path = paths.collection(paths.PODS, namespace)
        self._unit_random = unit_random

    async def run(self) -> None:
        """Keep up with pods, for ever."""
        failures = 0
        version: str | None = None
        now_s = asyncio.get_running_loop().time
        listed_at_s = now_s()
        while True:
            try:
                if version is None or now_s() - listed_at_s > RELIST_S:
                    listed_at_s = now_s()
                    version = await self._list()
                version = await self._watch(version)
                failures = 0
            except Gone:
                version = None
            except Forbidden as error:
                log.warning("pods are not watched", extra={"error": str(error)})
                self._events.not_allowed()
                version = None
                await asyncio.sleep(FORBIDDEN_RETRY_S)
            except ClusterError as error:
                failures += 1
                delay_s = backoff.delay_s(failures, self._unit_random())
                log.info("watch of pods ended", extra={"error": str(error)})
                await asyncio.sleep(delay_s)

    async def _list(self) -> str:
        found: list[OwnedPod] = []
        query = {"limit": str(PAGE)}
        while True:
            page = await self._session.get(self._path, query)
            for document in page.children("items"):
                pod = _decoded(document)
                if pod is not None:
                    found.append(pod)
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
            pod = _decoded(document) if kind != "BOOKMARK" else None
            if pod is None:
                continue
            if kind == "DELETED":
                self._events.gone(pod)
            else:
                self._events.changed(pod)
        return version


def _decoded(document: Document) -> OwnedPod | None:
    try:
        return decode_pod(document.values)
    except MalformedDocument as error:
        log.warning("pod not read", extra={"error": str(error)})
        return None
