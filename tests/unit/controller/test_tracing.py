"""Spans: what they say, what they must never say, and that there are none unless asked for."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from memory_cluster import MemoryCluster
from pinnedrelease.cluster.errors import Conflict, Unavailable
from pinnedrelease.controller import tracer as tracer_module
from pinnedrelease.controller.logs import JsonFormatter
from pinnedrelease.controller.spans import Spans
from pinnedrelease.controller.start_checks import CannotStart
from pinnedrelease.controller.tracer import Tracer, mark_logs
from pinnedrelease.controller.tracing import Tracing
from pinnedrelease.core.observed import Limits, Release
from pinnedrelease.core.registry import Presence
from pinnedrelease.reconcile.clock import SystemClock
from pinnedrelease.reconcile.gather import Key
from pinnedrelease.reconcile.reconciler import Reconciler
from pinnedrelease.registry.entry import Wanted
from pinnedrelease.registry.inquiry import Inquiry, Question, Subject
from pinnedrelease.registry.poller import Poller
from registry_parts import access, parts, password, repository
from scripted_registry import Reply, ScriptedRegistry, Seen, found, manifest
from worlds import DONE, release, workload

KEY = Key("shop", "web")
CANARY = "canary-password"


class Collected:
    """A tracing whose spans stay here."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        processor = SimpleSpanProcessor(self._exporter)
        self.tracing = Tracing(Tracer((processor,), Resource.get_empty()))

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()

    def named(self, name: str) -> ReadableSpan:
        (one,) = [span for span in self.spans if span.name == name]
        return one

    def below(self, parent: ReadableSpan) -> list[str]:
        """The names of a span's children, in the order of their beginning."""
        children = [
            span
            for span in self.spans
            if span.parent is not None and span.parent.span_id == parent.context.span_id
        ]
        return [span.name for span in sorted(children, key=lambda span: span.start_time or 0)]


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def traced_pass(collected: Collected, cluster: MemoryCluster) -> Any:
    tracing = collected.tracing
    reconciler = Reconciler(
        tracing.reads(cluster), tracing.writes(cluster), cluster, SystemClock(), Limits()
    )
    return tracing.passes(reconciler.reconcile)


async def test_a_pass_says_key_generation_result_and_what_it_wrote() -> None:
    collected = Collected()
    cluster = MemoryCluster(replace(release(), generation=7), workload())

    await traced_pass(collected, cluster)(KEY)

    one = collected.named("pass")
    assert one.parent is None
    assert attributes(one) == {
        "k8s.namespace.name": "shop",
        "pinnedrelease.name": "web",
        "pinnedrelease.generation": 7,
        "pinnedrelease.actions": ("status", "images", "status", "event"),
        "pinnedrelease.result": "requeue_after",
        "pinnedrelease.requeue_after_s": attributes(one)["pinnedrelease.requeue_after_s"],
    }
    assert collected.below(one) == [
        "read PinnedRelease", "read Deployment",
        "write status", "write images", "write status", "write event",
    ]  # fmt: skip
    assert attributes(collected.named("write images"))["pinnedrelease.target"] == "Deployment/web"
    assert attributes(collected.named("write event"))["pinnedrelease.event"] == "DigestPinned"


async def test_a_pass_over_a_world_at_rest_reads_and_writes_nothing() -> None:
    cluster = MemoryCluster(release(), workload())
    await traced_pass(Collected(), cluster)(KEY)
    assert cluster.target is not None
    cluster.target = replace(cluster.target, rollout=DONE)
    await traced_pass(Collected(), cluster)(KEY)
    collected = Collected()

    await traced_pass(collected, cluster)(KEY)

    one = collected.named("pass")
    assert attributes(one)["pinnedrelease.result"] == "success"
    assert "pinnedrelease.actions" not in attributes(one)
    assert collected.below(one) == ["read PinnedRelease", "read Deployment"]


async def test_a_conflict_is_a_write_that_failed_and_the_next_try_is_in_the_same_pass() -> None:
    collected = Collected()
    cluster = MemoryCluster(release(), workload())
    reconcile = traced_pass(collected, cluster)
    cluster.refuse_workload = Conflict("somebody was faster")

    with pytest.raises(Conflict):
        await reconcile(KEY)

    one = collected.named("pass")
    writes = [span for span in collected.spans if span.name == "write images"]
    assert len(writes) > 1
    for span in (one, *writes):
        assert not span.status.is_ok
        assert attributes(span)["error.type"] == "Conflict"
        assert span.status.description == "somebody was faster"
        assert span.events == ()
    assert attributes(one)["pinnedrelease.result"] == "error"


async def test_a_failed_read_names_the_error_and_not_the_group_around_it() -> None:
    class Silent(MemoryCluster):
        async def release(self, namespace: str, name: str) -> Release | None:
            raise Unavailable(f"{namespace}/{name}: no answer")

    collected = Collected()

    with pytest.raises(ExceptionGroup):
        await traced_pass(collected, Silent(release(), workload()))(KEY)

    assert attributes(collected.named("pass"))["error.type"] == "Unavailable"


async def test_the_generation_is_that_of_the_key_and_not_of_its_rival() -> None:
    collected = Collected()
    rival = replace(release(), name="rival", generation=99)
    reads = collected.tracing.reads(MemoryCluster(rival, None))

    async def reconcile(_: Key) -> None:
        await reads.release("shop", "rival")

    await collected.tracing.passes(reconcile)(KEY)

    assert "pinnedrelease.generation" not in attributes(collected.named("pass"))


RAW = manifest()


async def test_a_question_has_its_requests_below_it_and_the_pass_that_it_wakes_is_linked() -> None:
    collected = Collected()
    tracing = collected.tracing
    woken = asyncio.Queue[Key]()
    wake = tracing.wakes(woken.put_nowait)

    def answered(_: frozenset[object]) -> None:
        wake(KEY)

    async def reconcile(_: Key) -> None:
        return None

    async with (
        ScriptedRegistry(lambda _: found(RAW)) as registry,
        parts(registry.address, around=tracing.sends) as room,
    ):
        where = repository(registry.address)
        poller = Poller(tracing.asks(Inquiry(room.client)), SystemClock(), answered)
        poller.follow(KEY, {Question(Subject.TAG, where, "1.0", access()): Wanted(interval_s=60)})
        running = asyncio.create_task(poller.run())
        await tracing.passes(reconcile)(await asyncio.wait_for(woken.get(), 5))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asked = collected.named("ask tag")
    assert asked.parent is None
    assert attributes(asked) == {
        "pinnedrelease.repository": str(where),
        "pinnedrelease.tag": "1.0",
        "pinnedrelease.answer": "found",
    }
    assert collected.below(asked) == ["HEAD"]
    assert attributes(collected.named("HEAD")) == {
        "http.request.method": "HEAD",
        "url.scheme": "http",
        "url.path": "/v2/team/web/manifests/1.0",
        "server.address": "127.0.0.1",
        "server.port": registry.port,
        "http.response.status_code": 200,
    }
    (link,) = collected.named("pass").links
    assert link.context.span_id == asked.context.span_id
    await tracing.passes(reconcile)(KEY)
    assert not collected.spans[-1].links, "an answer is linked once"


async def test_registries_are_sent_no_trace_context() -> None:
    collected = Collected()
    async with (
        ScriptedRegistry(lambda _: found(RAW)) as registry,
        parts(registry.address, around=collected.tracing.sends) as room,
    ):
        with collected.tracing._tracer.span("around"):
            await room.client.resolve(repository(registry.address), "1.0", access())

    assert collected.below(collected.named("around")) == ["HEAD"]
    (request,) = registry.seen
    assert not {"traceparent", "tracestate", "baggage", "b3", "uber-trace-id"} & set(
        request.headers
    )


async def test_no_secret_stands_in_a_span() -> None:
    """Neither a password, nor what a token server returns, nor a query that may be signed."""
    collected = Collected()
    realm = ""

    def script(seen: Seen) -> Reply:
        if seen.path.startswith("/token"):
            return Reply(body=json.dumps({"token": "canary-token"}).encode())
        if seen.headers.get("authorization") == "Bearer canary-token":
            return found(RAW)
        challenge = f'Bearer realm="{realm}",service="s"'
        return Reply(status=401, headers={"WWW-Authenticate": challenge})

    async with (
        ScriptedRegistry(script) as registry,
        parts(registry.address, around=collected.tracing.sends) as room,
    ):
        realm = f"http://{registry.address}/token?signature=canary-query"
        asks = collected.tracing.asks(Inquiry(room.client))
        question = Question(
            Subject.TAG, repository(registry.address), "1.0", access(password(CANARY))
        )
        reply = await asks.ask(question, with_content=False)

    assert reply.presence is Presence.FOUND
    assert any("canary-query" in seen.path for seen in registry.seen)
    assert [span.name for span in collected.spans] == ["HEAD", "GET", "HEAD", "ask tag"]
    told = "".join(span.to_json() for span in collected.spans)
    assert "/token" in told
    assert "canary" not in told


async def test_a_user_in_a_url_is_not_told() -> None:
    collected = Collected()

    class Sends:
        async def send(self, *_: object, **__: object) -> Any:
            raise Unavailable("gone")

    with pytest.raises(Unavailable):
        await collected.tracing.sends(Sends()).send("GET", f"https://ana:{CANARY}@example.com/a?b")

    (span,) = collected.spans
    assert attributes(span)["server.address"] == "example.com"
    assert CANARY not in span.to_json()


async def test_what_is_not_sampled_works_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    collected = Collected()
    cluster = MemoryCluster(release(), workload())

    await traced_pass(collected, cluster)(KEY)

    assert cluster.writes == ["status", "workload", "status", "DigestPinned"]
    assert collected.spans == ()


def resource(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a process says of itself; the SDK reads the environment by itself."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    made = Tracer.of({"OTEL_TRACES_EXPORTER": "none", **environment})
    return dict(made._provider.resource.attributes)


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({}, "pinnedrelease-controller"),
        ({"OTEL_SERVICE_NAME": "pins"}, "pins"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=pins,team=shop"}, "pins"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "team=shop"}, "pinnedrelease-controller"),
    ],
)
def test_the_service_is_named_as_the_environment_says(
    environment: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert resource(environment, monkeypatch)["service.name"] == name


@pytest.mark.parametrize(
    ("environment", "missing"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "zipkin"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "smoke"}, "smoke"),
        ({"OTEL_TRACES_EXPORTER": "console,zipkin"}, "zipkin"),
    ],
)
def test_an_exporter_that_is_not_installed_is_told_before_anything_begins(
    environment: dict[str, str], missing: str
) -> None:
    with pytest.raises(CannotStart, match=rf"no exporter '{missing}'.*docs/traces\.md"):
        Tracer.of(environment)


async def test_a_disabled_sdk_makes_no_span(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    collected = Collected()

    await traced_pass(collected, MemoryCluster(release(), workload()))(KEY)

    assert collected.spans == ()


def test_the_end_does_not_wait_for_a_collector_that_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stuck(SpanExporter):
        free = threading.Event()

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002
            self.free.wait(60)
            return SpanExportResult.FAILURE

    monkeypatch.setattr(tracer_module, "CLOSE_S", 0.2)
    made = Tracer((BatchSpanProcessor(Stuck()),), Resource.get_empty())
    with made.span("one"):
        pass
    begun_s = time.monotonic()

    made.close()

    assert time.monotonic() - begun_s < 5
    Stuck.free.set()


def test_what_is_left_is_sent_at_the_end() -> None:
    exporter = InMemorySpanExporter()
    made = Tracer((BatchSpanProcessor(exporter),), Resource.get_empty())
    with made.span("one"):
        pass

    made.close()

    assert [span.name for span in exporter.get_finished_spans()] == ["one"]


def test_a_log_line_inside_a_span_has_its_ids_and_one_outside_has_none() -> None:
    collected, lines = Collected(), list[str]()

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(JsonFormatter().format(record))

    handler = Kept()
    logging.getLogger().addHandler(handler)
    try:
        mark_logs()
        log = logging.getLogger("pinnedrelease.reconcile")
        with collected.tracing._tracer.span("pass"):
            log.warning("event lost", extra={"pin": "shop/web"})
        log.warning("event lost", extra={"pin": "shop/web"})
    finally:
        logging.getLogger().removeHandler(handler)

    inside, outside = map(json.loads, lines)
    span = collected.named("pass")
    assert inside["trace_id"] == f"{span.context.trace_id:032x}"
    assert inside["span_id"] == f"{span.context.span_id:016x}"
    assert not {"trace_id", "span_id"} & outside.keys()


def test_without_tracing_nothing_stands_around_anything() -> None:
    """Off costs nothing because there is nothing: no wrapper, no call, no allocation."""
    spans, cluster = Spans(), MemoryCluster(release(), workload())

    async def reconcile(_: Key) -> None:
        return None

    def wake(_: Key) -> None:
        return None

    around: dict[Callable[[Any], object], object] = {
        spans.passes: reconcile,
        spans.reads: cluster,
        spans.writes: cluster,
        spans.asks: object(),
        spans.sends: object(),
        spans.wakes: wake,
    }
    for returned, given in around.items():
        assert returned(given) is given


def test_without_tracing_opentelemetry_is_not_imported() -> None:
    code = (
        "import sys, pinnedrelease.controller.main as main\n"
        "from pinnedrelease.controller.settings import parse_settings\n"
        "main._spans(parse_settings([], {}))\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_the_extra_the_message_says_what_to_install(
    capfd: pytest.CaptureFixture[str],
) -> None:
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from pinnedrelease.controller.main import main; sys.exit(main(['--tracing']))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 1
    assert "pip install '.[tracing]'" in capfd.readouterr().err
