"""Looks now and then which of our admission policies are installed, for the metric."""

from __future__ import annotations

import asyncio
import logging

from pinnedrelease.cluster.errors import ClusterError
from pinnedrelease.cluster.policies import installed_policies
from pinnedrelease.cluster.session import Session
from pinnedrelease.controller.metrics import Metrics

log = logging.getLogger(__name__)

LOOK_S = 300.0


async def watch_policies(session: Session, metrics: Metrics) -> None:
    """Look for ever. Where it may not be looked there are no series."""
    while True:
        try:
            metrics.found_policies(await installed_policies(session))
        except ClusterError as error:
            log.debug("admission policies are not known", extra={"error": str(error)})
            metrics.found_policies([])
        await asyncio.sleep(LOOK_S)
