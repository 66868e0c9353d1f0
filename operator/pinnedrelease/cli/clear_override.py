"""``pinrel clear-override``."""

from __future__ import annotations

import argparse
import sys

from pinnedrelease.api import changes
from pinnedrelease.cli.connection import Connection, add_cluster_arguments, with_cluster
from pinnedrelease.core.messages import pair
from pinnedrelease.core.pin import DesiredPin


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which release."""
    parser.add_argument("name", help="PinnedRelease")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    add_cluster_arguments(parser)


def run(given: argparse.Namespace) -> int:
    """Remove ``spec.override``; the declared pair comes into force."""

    async def work(connection: Connection) -> int:
        release = await connection.release(given.name)
        spec = release.spec
        if not isinstance(spec, DesiredPin) or spec.override is None:
            sys.stdout.write(f"{release} has no override; nothing to do\n")
            return 0
        if not given.dry_run:
            await connection.writer.change_release(
                release.namespace, release.name, changes.clear_override(), release.resource_version
            )
        suffix = " (dry run)" if given.dry_run else ""
        sys.stdout.write(
            f"pinnedrelease.pinnedrelease.dev/{release.name} override cleared, in force is "
            f"{pair(spec.pin)}{suffix}\n"
        )
        return 0

    return with_cluster(given, work)
