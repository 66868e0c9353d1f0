"""The cluster that a command talks to: kubectl's own flags, one session, errors as sentences."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pinnedrelease.cli.errors import CannotTell, CommandError
from pinnedrelease.cluster.configuration import context_namespace, load_access
from pinnedrelease.cluster.errors import ClusterError
from pinnedrelease.cluster.reader import Reader
from pinnedrelease.cluster.session import Session
from pinnedrelease.cluster.writer import Writer
from pinnedrelease.core.observed import Release
from pinnedrelease.reconcile.clock import SystemClock

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A cluster and the namespace that is meant."""

    namespace: str
    reader: Reader
    writer: Writer

    async def release(self, name: str) -> Release:
        """A PinnedRelease. Raises CommandError when there is none."""
        found = await self.reader.release(self.namespace, name)
        if found is None:
            raise CommandError(
                f"there is no PinnedRelease {name} in namespace {self.namespace}; "
                "see: kubectl get pinnedreleases -A"
            )
        return found


def add_cluster_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that kubectl has."""
    parser.add_argument("-n", "--namespace", help="namespace (default: the context's)")
    parser.add_argument("--context", help="context of the kubeconfig")
    parser.add_argument("--kubeconfig", type=Path, help="kubeconfig to use")


def with_cluster(
    given: argparse.Namespace, work: Callable[[Connection], Awaitable[Value]]
) -> Value:
    """Do some work with the cluster. Raises CommandError."""

    async def connected() -> Value:
        async with _connect(given) as connection:
            return await work(connection)

    try:
        return asyncio.run(connected())
    except ClusterError as error:
        raise CannotTell(str(error)) from error


@asynccontextmanager
async def _connect(given: argparse.Namespace) -> AsyncIterator[Connection]:
    kubeconfig = given.kubeconfig or _from_environment()
    access = load_access(kubeconfig, given.context, SystemClock().monotonic_s)
    namespace = given.namespace or context_namespace(kubeconfig, given.context)
    session = Session(access)
    try:
        yield Connection(namespace=namespace, reader=Reader(session), writer=Writer(session))
    finally:
        await session.close()


def _from_environment() -> Path | None:
    """With $KUBECONFIG set the user means that file, even where in-cluster files exist."""
    first = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    return Path(first) if first else None
