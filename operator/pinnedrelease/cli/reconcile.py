"""``pinrel reconcile``: look now, and ask the registry now."""

from __future__ import annotations

import argparse
import asyncio
from contextlib import suppress

from pinnedrelease.api import changes
from pinnedrelease.cli.changing import add_dry_run, change
from pinnedrelease.cli.connection import Connection, add_cluster_arguments, with_cluster
from pinnedrelease.cli.errors import CannotTell
from pinnedrelease.cluster.errors import Unavailable
from pinnedrelease.reconcile.clock import SystemClock

POLL_S = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which release, and how long to wait for the answer."""
    parser.add_argument("name", help="PinnedRelease")
    parser.add_argument(
        "--timeout", type=float, default=30.0, metavar="SECONDS", help="wait so long (default 30)"
    )
    add_dry_run(parser)
    add_cluster_arguments(parser)


def run(given: argparse.Namespace) -> int:
    """Ask for a pass and wait until the operator says that it has been made. 3: it did not."""

    async def work(connection: Connection) -> int:
        release = await connection.release(given.name)
        wish = f"{SystemClock().now().wall:%Y-%m-%dT%H:%M:%SZ}"
        patch = changes.request(wish)
        await change(connection, release, patch, "asked to reconcile", dry_run=given.dry_run)
        if not given.dry_run:
            await _answered(connection, given, wish)
        return 0

    return with_cluster(given, work)


async def _answered(connection: Connection, given: argparse.Namespace, wish: str) -> None:
    try:
        async with asyncio.timeout(given.timeout):
            while True:
                # It may be busy for a moment; the time that was given is for that, too.
                with suppress(Unavailable):
                    release = await connection.release(given.name)
                    if release.status.last_handled_reconcile_at == wish:
                        return
                await asyncio.sleep(POLL_S)
    except TimeoutError as error:
        raise CannotTell(
            f"no operator has answered within {given.timeout:g} s; does one run, and does it watch "
            f"namespace {connection.namespace}?"
        ) from error
