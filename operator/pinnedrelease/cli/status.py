"""``pinrel status``: PinnedReleases as a table, one of them in full, or a table that lives."""

from __future__ import annotations

import argparse

from pinnedrelease.cli.connection import (
    Connection,
    add_all_namespaces,
    add_cluster_arguments,
    with_cluster,
)
from pinnedrelease.cli.errors import WrongUsage
from pinnedrelease.cli.live_table import follow
from pinnedrelease.cli.output import (
    add_no_headers,
    add_output_argument,
    note,
    resource_name,
    show,
)
from pinnedrelease.cli.status_text import as_data, full_text, is_good, table_text
from pinnedrelease.core.observed import Release
from pinnedrelease.reconcile.clock import SystemClock


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which ones, and how."""
    parser.add_argument("name", nargs="?", help="PinnedRelease (default: all of the namespace)")
    parser.add_argument("-w", "--watch", action="store_true", help="follow; ends with Ctrl-C")
    add_all_namespaces(parser)
    add_output_argument(parser, "wide", "json", "yaml", "name")
    add_no_headers(parser)
    add_cluster_arguments(parser)


def run(given: argparse.Namespace) -> int:
    """Show. With a name: 0 when it is ready, 1 when it is not. Without one: 0."""
    if given.all_namespaces and given.name:
        raise WrongUsage("a name belongs to one namespace: leave -A out")
    if given.watch and given.output not in (None, "wide"):
        raise WrongUsage(f"--watch draws a table; -o {given.output} is for one look")

    async def work(connection: Connection) -> list[Release]:
        scope = None if given.all_namespaces else connection.namespace
        if given.watch:
            if given.name:
                await connection.release(given.name)
            await follow(connection, scope, given.name, is_wide=given.output == "wide")
        if given.name:
            return [await connection.release(given.name)]
        return await connection.releases(scope)

    found = with_cluster(given, work)
    data = [as_data(one) for one in found]
    show(
        given.output,
        lambda: _text(given, found),
        data[0] if given.name else data,
        [resource_name(one.name) for one in found],
    )
    return 0 if not given.name or is_good(found[0]) else 1


def _text(given: argparse.Namespace, found: list[Release]) -> str:
    now = SystemClock().now().wall
    if given.name and given.output != "wide":
        return full_text(found[0], now)
    if not found:
        note("no PinnedReleases here; look everywhere with -A")
        return ""
    return table_text(
        found,
        now,
        is_wide=given.output == "wide",
        with_namespace=given.all_namespaces,
        with_header=not given.no_headers,
    )
