"""Entry of the operator process: settings, logs, cluster, exit code."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Sequence

import uvloop

from pinnedrelease.cluster.configuration import load_access
from pinnedrelease.cluster.errors import NoConfiguration
from pinnedrelease.controller.logs import set_up_logs
from pinnedrelease.controller.service import Operator
from pinnedrelease.controller.settings import Settings, parse_settings
from pinnedrelease.controller.spans import Spans
from pinnedrelease.controller.start_checks import CannotStart
from pinnedrelease.reconcile.clock import SystemClock

log = logging.getLogger(__name__)


def main(arguments: Sequence[str]) -> int:
    """Run the operator until SIGINT or SIGTERM. 0: asked to stop, 1: something broke."""
    settings = parse_settings(arguments, os.environ)
    set_up_logs(settings.log_format, settings.log_level)
    try:
        spans = _spans(settings)
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return 0 if runner.run(_run(settings, spans)) else 1
        finally:
            spans.close()
    except (NoConfiguration, CannotStart) as error:
        print(f"pinrel controller: {error}", file=sys.stderr)  # noqa: T201 - for the person
        return 1


def _spans(settings: Settings) -> Spans:
    """None, unless they are asked for: only then is OpenTelemetry imported."""
    if not settings.tracing:
        return Spans()
    try:
        from pinnedrelease.controller.tracer import Tracer, mark_logs  # noqa: PLC0415 - see above
        from pinnedrelease.controller.tracing import Tracing  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise CannotStart(
            f"--tracing needs the module {error.name}: pip install '.[tracing]' in a clone of the "
            "repository (docs/traces.md)"
        ) from error
    spans = Tracing(Tracer.of(os.environ))
    mark_logs()
    return spans


async def _run(settings: Settings, spans: Spans) -> bool:
    clock = SystemClock()
    access = load_access(settings.kubeconfig, settings.context, clock.monotonic_s)
    return await Operator(settings, access, clock, spans).run()
