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
from pinnedrelease.controller.start_checks import CannotStart
from pinnedrelease.reconcile.clock import SystemClock

log = logging.getLogger(__name__)


def main(arguments: Sequence[str]) -> int:
    """Run the operator until SIGINT or SIGTERM. 0: asked to stop, 1: something broke."""
    settings = parse_settings(arguments, os.environ)
    set_up_logs(settings.log_format, settings.log_level)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return 0 if runner.run(_run(settings)) else 1
    except (NoConfiguration, CannotStart) as error:
        print(f"pinrel controller: {error}", file=sys.stderr)  # noqa: T201 - for the person
        return 1


async def _run(settings: Settings) -> bool:
    clock = SystemClock()
    access = load_access(settings.kubeconfig, settings.context, clock.monotonic_s)
    return await Operator(settings, access, clock).run()
