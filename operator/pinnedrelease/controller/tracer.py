"""OpenTelemetry: the only module that knows it, imported only with ``--tracing``.

No trace context leaves the process: nothing is injected into requests to the API server or to
registries.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points

from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, StatusCode, get_current_span

from pinnedrelease import __version__
from pinnedrelease.controller.start_checks import CannotStart

SERVICE = "pinnedrelease-controller"
DEFAULT_PROTOCOL = "http/protobuf"
EXPORTERS = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}
CLOSE_S = 5.0
MESSAGE_LIMIT = 300

Value = str | int | float | Sequence[str]


@dataclass(frozen=True, slots=True)
class Identity:
    """Names a span, so that another one can be linked to it."""

    context: SpanContext


@dataclass(frozen=True, slots=True)
class OpenSpan:
    """A span that has begun."""

    span: Span

    @property
    def identity(self) -> Identity:
        """Its name for links."""
        return Identity(self.span.get_span_context())

    def set(self, name: str, value: Value) -> None:
        """Set an attribute: a name, a number, a digest; never a header, a body or a query."""
        self.span.set_attribute(name, value)

    def fail(self, message: str = "") -> None:
        """Mark it as failed."""
        self.span.set_status(StatusCode.ERROR, message[:MESSAGE_LIMIT])


class Tracer:
    """Makes spans and sends them away in the background."""

    def __init__(self, processors: tuple[SpanProcessor, ...], resource: Resource) -> None:
        """Sampling is as OTEL_TRACES_SAMPLER says."""
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        for processor in processors:
            self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("pinnedrelease", __version__)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Tracer:
        """As the OTEL_* variables say. Raises CannotStart when an exporter is not installed."""
        own = {SERVICE_VERSION: __version__}
        if "OTEL_SERVICE_NAME" not in environment and (
            f"{SERVICE_NAME}=" not in environment.get("OTEL_RESOURCE_ATTRIBUTES", "")
        ):
            own[SERVICE_NAME] = SERVICE
        return cls(_processors(environment), Resource.create(own))

    @contextmanager
    def span(
        self,
        name: str,
        attributes: Mapping[str, str | int] | None = None,
        *,
        links: Sequence[Identity] = (),
        is_request: bool = False,
        is_root: bool = False,
    ) -> Iterator[OpenSpan]:
        """A span below the one that is open. An error that leaves it marks it as failed."""
        with self._tracer.start_as_current_span(
            name,
            Context() if is_root else None,
            SpanKind.CLIENT if is_request else SpanKind.INTERNAL,
            attributes,
            [Link(one.context) for one in links],
            # No tracebacks: what went wrong is in the log, with the ids of this span.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            opened = OpenSpan(span)
            try:
                yield opened
            except Exception as error:
                first: BaseException = error
                while isinstance(first, BaseExceptionGroup):
                    first = first.exceptions[0]
                opened.set("error.type", type(first).__name__)
                opened.fail(str(first))
                raise

    def close(self) -> None:
        """Send what has not been sent, for five seconds at most: a collector may be gone."""
        thread = threading.Thread(target=self._provider.shutdown, daemon=True)
        thread.start()
        thread.join(CLOSE_S)


def mark_logs() -> None:
    """Give each log line of this process the ids of the span that it belongs to."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(_with_ids)


def _with_ids(record: logging.LogRecord) -> bool:
    context = get_current_span().get_span_context()
    if context.is_valid:
        record.trace_id = f"{context.trace_id:032x}"
        record.span_id = f"{context.span_id:016x}"
    return True


def _processors(environment: Mapping[str, str]) -> tuple[SpanProcessor, ...]:
    """One for each exporter that OTEL_TRACES_EXPORTER names; ``otlp`` by default."""
    text = environment.get("OTEL_TRACES_EXPORTER") or "otlp"
    names = [name.strip() for name in text.split(",")]
    return tuple(_processor(name, environment) for name in names if name != "none")


def _processor(name: str, environment: Mapping[str, str]) -> SpanProcessor:
    if name == "otlp":
        protocol = (
            environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
            or environment.get("OTEL_EXPORTER_OTLP_PROTOCOL")
            or DEFAULT_PROTOCOL
        )
        name = EXPORTERS.get(protocol, protocol)
    found = list(entry_points(group="opentelemetry_traces_exporter", name=name))
    if not found:
        raise CannotStart(
            f"--tracing: no exporter {name!r} is installed; the extra tracing brings otlp over "
            "http/protobuf (docs/traces.md), OTEL_TRACES_EXPORTER chooses another"
        )
    return BatchSpanProcessor(found[0].load()())
