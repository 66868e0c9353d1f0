"""Spans around passes, their reads and writes, questions to registries and their requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from pinnedrelease.controller.spans import Reconcile, Spans
from pinnedrelease.controller.tracer import Identity, OpenSpan, Tracer
from pinnedrelease.core.actions import ApplyImages, EmitEvent, LetGo
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import Target
from pinnedrelease.core.status import Status
from pinnedrelease.core.workload import PastTemplate, Workload
from pinnedrelease.reconcile.execute import Writes
from pinnedrelease.reconcile.gather import Key, Reads
from pinnedrelease.registry.inquiry import Question, Reply
from pinnedrelease.registry.poller import Asks
from pinnedrelease.registry.sends import Sends
from pinnedrelease.registry.transport import REDIRECTS, Answer

LINKS_LIMIT = 8
SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class _Pass:
    """The pass that a read or write belongs to."""

    key: Key
    span: OpenSpan
    actions: list[str] = field(default_factory=list)

    def saw(self, release: Release) -> None:
        """Note the generation, unless this is the release of somebody else."""
        if (release.namespace, release.name) == (self.key.namespace, self.key.name):
            self.span.set("pinnedrelease.generation", release.generation)

    def did(self, action: str) -> None:
        """Note a write that was stored."""
        self.actions.append(action)
        self.span.set("pinnedrelease.actions", self.actions)


_CURRENT: ContextVar[_Pass | None] = ContextVar("pass", default=None)
_ASKED: ContextVar[Identity | None] = ContextVar("asked", default=None)
"""The question whose answer is being handed on, in the task that has asked it."""


class Tracing(Spans):
    """Wraps what an operator is made of."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._answers: dict[Key, list[Identity]] = {}
        """What has woken a key since its last pass."""

    def passes(self, reconcile: Reconcile) -> Reconcile:
        """``pass``: key, generation, result, actions; links to the answers that have woken it."""

        async def traced(key: Key) -> float | None:
            names = {"k8s.namespace.name": key.namespace, "pinnedrelease.name": key.name}
            links = self._answers.pop(key, ())
            with self._tracer.span("pass", names, links=links, is_root=True) as span:
                token = _CURRENT.set(_Pass(key, span))
                span.set("pinnedrelease.result", "error")
                try:
                    after_s = await reconcile(key)
                finally:
                    _CURRENT.reset(token)
                if after_s is None:
                    span.set("pinnedrelease.result", "success")
                else:
                    span.set("pinnedrelease.result", "requeue_after")
                    span.set("pinnedrelease.requeue_after_s", after_s)
                return after_s

        return traced

    def reads(self, reads: Reads) -> Reads:
        """``read ...``, one for each object."""
        return _TracedReads(reads, self._tracer)

    def writes(self, writes: Writes) -> Writes:
        """``write ...``, one for each write."""
        return _TracedWrites(writes, self._tracer)

    def asks(self, asks: Asks) -> Asks:
        """``ask tag`` and ``ask digest``: traces of their own, because no pass waits for them."""
        return _TracedAsks(asks, self._tracer)

    def sends(self, sends: Sends) -> Sends:
        """``HEAD``, ``GET``, ``POST``: requests to registries and token servers."""
        return _TracedSends(sends, self._tracer)

    def wakes(self, wake: Callable[[Key], None]) -> Callable[[Key], None]:
        """Remember for the next pass which answer has woken it."""

        def traced(key: Key) -> None:
            asked = _ASKED.get()
            if asked is not None:
                links = self._answers.setdefault(key, [])
                links.append(asked)
                del links[:-LINKS_LIMIT]
            wake(key)

        return traced

    def close(self) -> None:
        """Send what has not been sent, for some seconds at most."""
        self._tracer.close()


class _TracedReads:
    def __init__(self, reads: Reads, tracer: Tracer) -> None:
        self._reads = reads
        self._tracer = tracer

    async def release(self, namespace: str, name: str) -> Release | None:
        with self._tracer.span("read PinnedRelease", {"pinnedrelease.name": name}):
            found = await self._reads.release(namespace, name)
        current = _CURRENT.get()
        if found is not None and current is not None:
            current.saw(found)
        return found

    async def workload(self, target: Target, namespace: str) -> Workload | None:
        with self._tracer.span(f"read {target.kind}", _about(target)):
            return await self._reads.workload(target, namespace)

    async def past(self, target: Target, namespace: str) -> tuple[PastTemplate, ...]:
        with self._tracer.span("read history", _about(target)):
            return await self._reads.past(target, namespace)


class _TracedWrites:
    def __init__(self, writes: Writes, tracer: Tracer) -> None:
        self._writes = writes
        self._tracer = tracer

    async def write_status(self, release: Release, status: Status) -> str:
        with self._write("status", release=release):
            return await self._writes.write_status(release, status)

    async def apply_images(self, release: Release, action: ApplyImages) -> Workload:
        with self._write("images", _about(action.target), release=release) as span:
            images = [container.pin.image for container in action.pinned]
            span.set("pinnedrelease.images", images)
            return await self._writes.apply_images(release, action)

    async def let_go(self, namespace: str, action: LetGo) -> None:
        with self._write("marks", _about(action.target)):
            await self._writes.let_go(namespace, action)

    async def emit_event(self, release: Release, action: EmitEvent, at: datetime) -> None:
        reason = {"pinnedrelease.event": action.reason}
        with self._write("event", reason, release=release):
            await self._writes.emit_event(release, action, at)

    @contextmanager
    def _write(
        self,
        what: str,
        attributes: Mapping[str, str] | None = None,
        *,
        release: Release | None = None,
    ) -> Iterator[OpenSpan]:
        with self._tracer.span(f"write {what}", attributes) as span:
            yield span
        current = _CURRENT.get()
        if current is None:
            return
        current.did(what)
        if release is not None:
            current.saw(release)


class _TracedAsks:
    def __init__(self, asks: Asks, tracer: Tracer) -> None:
        self._asks = asks
        self._tracer = tracer

    async def ask(self, question: Question, *, with_content: bool) -> Reply:
        subject = question.subject.name.lower()
        attributes = {
            "pinnedrelease.repository": str(question.repository),
            f"pinnedrelease.{subject}": question.reference,
        }
        # A context of its own: the poller's task may have been started in anybody's.
        with self._tracer.span(f"ask {subject}", attributes, is_root=True) as span:
            _ASKED.set(span.identity)
            reply = await self._asks.ask(question, with_content=with_content)
            span.set("pinnedrelease.answer", reply.presence.name.lower())
            return reply


class _TracedSends:
    def __init__(self, sends: Sends, tracer: Tracer) -> None:
        self._sends = sends
        self._tracer = tracer

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        redirects: int = REDIRECTS,
        certificates: str | None = None,
    ) -> Answer:
        with self._tracer.span(method, _of_request(method, url), is_request=True) as span:
            answer = await self._sends.send(
                method,
                url,
                headers=headers,
                content=content,
                redirects=redirects,
                certificates=certificates,
            )
            span.set("http.response.status_code", answer.status)
            # 401 and 404 are answers like others: what they mean stands in the question's span.
            if answer.status >= SERVER_ERROR:
                span.fail()
            return answer


def _about(target: Target) -> dict[str, str]:
    return {"pinnedrelease.target": str(target)}


def _of_request(method: str, url: str) -> dict[str, str | int]:
    """Host and path; a query may be signed, and a user may stand before the host."""
    parts = urlsplit(url)
    found: dict[str, str | int] = {
        "http.request.method": method,
        "url.scheme": parts.scheme,
        "url.path": parts.path,
        "server.address": parts.hostname or "",
    }
    if parts.port is not None:
        found["server.port"] = parts.port
    return found
