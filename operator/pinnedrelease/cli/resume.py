"""``pinrel resume``."""

from __future__ import annotations

import argparse

from pinnedrelease.api import changes
from pinnedrelease.cli.changing import add_dry_run, change
from pinnedrelease.cli.connection import Connection, add_cluster_arguments, with_cluster


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which release."""
    parser.add_argument("name", help="PinnedRelease")
    add_dry_run(parser)
    add_cluster_arguments(parser)


def run(given: argparse.Namespace) -> int:
    """Go on: what differs is put right."""

    async def work(connection: Connection) -> int:
        release = await connection.release(given.name)
        patch = changes.suspend(is_suspended=False)
        await change(connection, release, patch, "resumed", dry_run=given.dry_run)
        return 0

    return with_cluster(given, work)
