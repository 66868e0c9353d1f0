"""``pinrel clear-override``."""

from __future__ import annotations

import argparse

from pinnedrelease.api import changes
from pinnedrelease.cli.changing import add_dry_run, change
from pinnedrelease.cli.connection import Connection, add_cluster_arguments, with_cluster
from pinnedrelease.cli.output import say
from pinnedrelease.core.messages import pair
from pinnedrelease.core.pin import DesiredPin


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which release."""
    parser.add_argument("name", help="PinnedRelease")
    add_dry_run(parser)
    add_cluster_arguments(parser)


def run(given: argparse.Namespace) -> int:
    """Remove ``spec.override``; the declared pair comes into force."""

    async def work(connection: Connection) -> int:
        release = await connection.release(given.name)
        spec = release.spec
        if not isinstance(spec, DesiredPin) or spec.override is None:
            say(f"{release} has no override; nothing to do")
            return 0
        verb = f"override cleared, in force is {pair(spec.pin)}"
        patch = changes.clear_override()
        await change(connection, release, patch, verb, dry_run=given.dry_run)
        return 0

    return with_cluster(given, work)
