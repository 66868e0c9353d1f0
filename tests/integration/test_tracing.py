"""Spans of a real operator process, as an exporter of OpenTelemetry's own writes or sends them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from controlplane.plane import ControlPlane
from controlplane.registry import Registry
from namespace import Namespace, eventually
from operator_process import OperatorProcess
from pinned_image import PinnedImage

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Span:
    """One span, however it was carried."""

    name: str
    identity: str
    parent: str | None
    attributes: dict[str, Any]
    links: tuple[str, ...] = ()


Spans = Callable[[], Sequence[Span]]


@pytest.fixture
def registry(plane: ControlPlane) -> Registry:
    return plane.start_registry()


@pytest.fixture
def case(namespace: Namespace, registry: Registry) -> PinnedImage:
    made = PinnedImage(namespace, registry)
    made.deploy()
    return made


@contextmanager
def traced_operator(
    kubeconfig: Path, folder: Path, registry: Registry, *flags: str
) -> Iterator[OperatorProcess]:
    address = registry.address
    with OperatorProcess(
        kubeconfig,
        folder,
        "--tracing",
        "--log-format=json",
        f"--registry-private-host={address}",
        f"--registry-plain-http={address}",
        *flags,
    ) as operator:
        yield operator


def check(case: PinnedImage, spans: Spans) -> None:
    """Pin an image and look at what was told of it."""
    image = case.push(b"one")
    case.pin(image.digest)
    case.namespace.wait_ready()
    name = case.namespace.name

    def passes() -> list[Span]:
        return [
            span
            for span in spans()
            if span.name == "pass" and span.attributes.get("k8s.namespace.name") == name
        ]

    def writing() -> list[Span]:
        return [
            one for one in passes() if "images" in one.attributes.get("pinnedrelease.actions", ())
        ]

    eventually(
        lambda: bool(writing()) and any(one.links for one in passes()),
        lambda: f"{passes()}\n{case.namespace.describe('web')}",
    )
    # More than one, and some that failed, where the API server was slow.
    one = writing()[0]
    assert one.attributes["pinnedrelease.name"] == "web"
    assert one.attributes["pinnedrelease.generation"] == 1
    results = {one.attributes["pinnedrelease.result"] for one in passes()}
    assert results & {"success", "requeue_after"}
    below = {span.name for span in spans() if span.parent == one.identity}
    assert {"write images", "write status", "write event"} <= below

    linked = {identity for one in passes() for identity in one.links}
    questions = [span for span in spans() if span.identity in linked]
    assert {span.name for span in questions} <= {"ask tag", "ask digest"}
    assert questions
    requests = [span for span in spans() if span.parent in {one.identity for one in questions}]
    assert {span.attributes["server.port"] for span in requests} == {
        int(case.registry.address.partition(":")[2])
    }
    # The simulated pod reports a digest of its own for the tag: the registry has not got that one.
    assert (
        {200} <= {span.attributes["http.response.status_code"] for span in requests} <= {200, 404}
    )


def test_the_console_exporter_writes_passes_and_what_they_did(
    case: PinnedImage,
    operator_kubeconfig: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
    with traced_operator(operator_kubeconfig, tmp_path, case.registry) as operator:
        check(case, lambda: printed(operator.output()))
        lines = [json.loads(one) for one in operator.output().splitlines() if one.startswith('{"')]
        written = [line for line in lines if line["event"] == "workload written"]
        traces = {span.identity[:32] for span in printed(operator.output())}

    assert written
    assert {line["trace_id"] for line in written} <= traces


def printed(output: str) -> list[Span]:
    """The spans in what a process has printed, between its log lines."""
    found, decoder = [], json.JSONDecoder()
    for start in (place + 1 for place in _places(f"\n{output}", "\n{\n")):
        try:
            span, _ = decoder.raw_decode(f"\n{output}", start)
        except ValueError:
            continue  # not all of it has been written yet
        found.append(
            Span(
                name=span["name"],
                identity=_identity(span["context"]["trace_id"], span["context"]["span_id"]),
                parent=(
                    _identity(span["context"]["trace_id"], span["parent_id"])
                    if span["parent_id"]
                    else None
                ),
                attributes=span["attributes"],
                links=tuple(
                    _identity(one["context"]["trace_id"], one["context"]["span_id"])
                    for one in span["links"]
                ),
            )
        )
    return found


def _identity(trace: str, span: str) -> str:
    return f"{trace.removeprefix('0x')}{span.removeprefix('0x')}"


def _places(text: str, wanted: str) -> Iterator[int]:
    place = text.find(wanted)
    while place >= 0:
        yield place
        place = text.find(wanted, place + 1)


class Collector:
    """Takes what OTLP over HTTP sends, on loopback and in this process."""

    def __init__(self) -> None:
        bodies: list[bytes] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/traces":
                    bodies.append(body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.bodies = bodies
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_a_collector_is_sent_the_same_over_otlp(
    case: PinnedImage,
    operator_kubeconfig: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    collector: Collector,
) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    wire = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")

    def sent() -> list[Span]:
        return [
            Span(
                name=span.name,
                identity=span.trace_id.hex() + span.span_id.hex(),
                parent=(span.trace_id.hex() + span.parent_span_id.hex())
                if span.parent_span_id
                else None,
                attributes={one.key: _value(one.value) for one in span.attributes},
                links=tuple(one.trace_id.hex() + one.span_id.hex() for one in span.links),
            )
            for body in list(collector.bodies)
            for resource in wire.ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    with traced_operator(operator_kubeconfig, tmp_path, case.registry):
        check(case, sent)


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(_value(one) for one in value.array_value.values)
    return getattr(value, kind)


def test_a_collector_that_is_gone_disturbs_nothing(
    case: PinnedImage,
    operator_kubeconfig: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    with traced_operator(operator_kubeconfig, tmp_path, case.registry) as operator:
        image = case.push(b"one")
        case.pin(image.digest)
        case.namespace.wait_ready()

        assert operator.stop() == 0
