"""``pinrel ui``: a local page with the state and the history of PinnedReleases. It only reads."""

from __future__ import annotations

import argparse
import socket
import sys
from typing import TYPE_CHECKING

from pinnedrelease.cli.connection import (
    NO_CRD,
    Connection,
    add_all_namespaces,
    add_cluster_arguments,
    with_cluster,
)
from pinnedrelease.cli.errors import CommandError, WrongUsage
from pinnedrelease.cli.output import note, say
from pinnedrelease.cluster.errors import Forbidden, NotFound

if TYPE_CHECKING:
    from pinnedrelease.cli.release_watch import ReleaseWatch

LOOPBACK = "127.0.0.1"
LARGEST_PORT = 65_535
SHUTDOWN_S = 0.2
"""Open streams of news never end by themselves."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where, and of what."""
    parser.add_argument(
        "--port", type=int, default=0, help="port on loopback (default: one that is free)"
    )
    add_all_namespaces(parser)
    add_cluster_arguments(parser)


def run(given: argparse.Namespace) -> int:
    """Print the address of the page, and serve it until Ctrl-C."""
    if not 0 <= given.port <= LARGEST_PORT:
        raise WrongUsage(f"--port is a number up to {LARGEST_PORT}")

    async def work(connection: Connection) -> int:
        with _listening(given.port) as listener:
            await _serve(given, connection, listener)
        return 0

    return with_cluster(given, work)


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise CommandError(
            f"cannot listen on {LOOPBACK}:{port}: {error.strerror}; leave --port out for one that "
            "is free"
        ) from error


async def _first_look(watch: ReleaseWatch) -> None:
    """Before anything is served: who may not look is told so here, and not by an empty page."""
    try:
        await watch.look()
    except NotFound as error:
        raise CommandError(NO_CRD) from error
    except Forbidden as error:
        raise CommandError(f"{error}; look in one namespace with -n") from error


async def _serve(
    given: argparse.Namespace, connection: Connection, listener: socket.socket
) -> None:
    # Slow imports, and --help needs none of them.
    from aiohttp import web  # noqa: PLC0415

    from pinnedrelease.cli.commands import commands_of  # noqa: PLC0415
    from pinnedrelease.cli.dashboard.board import Board  # noqa: PLC0415
    from pinnedrelease.cli.dashboard.guard import new_secret  # noqa: PLC0415
    from pinnedrelease.cli.dashboard.server import Pages  # noqa: PLC0415
    from pinnedrelease.cli.release_watch import ReleaseWatch  # noqa: PLC0415

    scope = None if given.all_namespaces else connection.namespace
    board = Board()
    watch = ReleaseWatch(connection.session, board, scope)
    await _first_look(watch)
    commands = commands_of(given)
    about = {"server": connection.session.server, "context": given.context, "namespace": scope}
    port, secret = listener.getsockname()[1], new_secret()
    pages = Pages(board, commands, about).application(port, secret)
    runner = web.AppRunner(pages, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        say(f"http://{LOOPBACK}:{port}/{secret}/")
        sys.stdout.flush()
        note("read-only, for you alone: the address is the key to it; Ctrl-C ends")
        await watch.follow()
    finally:
        await runner.cleanup()
