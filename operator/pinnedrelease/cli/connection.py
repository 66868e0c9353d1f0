"""The cluster that a command talks to: kubectl's own flags, one session, errors as sentences."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pinnedrelease.cli.errors import CannotTell, CommandError, suggestion
from pinnedrelease.cluster.errors import ClusterError, Forbidden, NotFound

if TYPE_CHECKING:
    from pinnedrelease.cluster.lister import Lister
    from pinnedrelease.cluster.reader import Reader
    from pinnedrelease.cluster.session import Session
    from pinnedrelease.cluster.writer import Writer
    from pinnedrelease.core.observed import Release

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A cluster and the namespace that is meant."""

    namespace: str
    session: Session
    reader: Reader
    lister: Lister
    writer: Writer

    async def release(self, name: str) -> Release:
        """A PinnedRelease. Raises CommandError when there is none, with a name that is near."""
        found = await self.reader.release(self.namespace, name)
        if found is not None:
            return found
        try:
            known = [one.name for one in await self.lister.releases(self.namespace)]
        except Forbidden:
            known = []
        except NotFound as error:
            raise CommandError(NO_CRD) from error
        raise CommandError(
            f"there is no PinnedRelease {name} in namespace {self.namespace}"
            f"{suggestion(name, known)}; see: kubectl get pinnedreleases -A"
        )

    async def releases(self, namespace: str | None) -> list[Release]:
        """All PinnedReleases of a namespace, or (None) of all. Raises CommandError without CRD."""
        try:
            return await self.lister.releases(namespace)
        except NotFound as error:
            raise CommandError(NO_CRD) from error


NO_CRD = (
    "this cluster does not know PinnedReleases; install them with: pinrel crd | "
    "kubectl apply --server-side -f -"
)


def add_cluster_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that kubectl has."""
    group = parser.add_argument_group("cluster")
    group.add_argument("-n", "--namespace", help="namespace (default: the context's)")
    group.add_argument("--context", help="context of the kubeconfig")
    group.add_argument("--kubeconfig", type=Path, metavar="FILE", help="kubeconfig to use")


def add_all_namespaces(parser: argparse.ArgumentParser) -> None:
    """The flag for the whole cluster."""
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="the whole cluster")


def with_cluster(
    given: argparse.Namespace, work: Callable[[Connection], Awaitable[Value]]
) -> Value:
    """Do some work with the cluster. Raises CommandError."""

    async def connected() -> Value:
        async with connect(given) as connection:
            return await work(connection)

    return run_async(connected())


def run_async(work: Awaitable[Value]) -> Value:
    """Run what talks to clusters. Raises CommandError for everything that they refuse."""

    async def awaited() -> Value:
        return await work

    try:
        return asyncio.run(awaited())
    except ClusterError as error:
        raise CannotTell(str(error)) from error


@asynccontextmanager
async def connect(
    given: argparse.Namespace, *, context: str | None = None, namespace: str | None = None
) -> AsyncIterator[Connection]:
    """A connection by the flags, or to another context or namespace than they say."""
    # Slow imports, and --help needs none of them.
    from pinnedrelease.cluster.configuration import context_namespace, load_access  # noqa: PLC0415
    from pinnedrelease.cluster.lister import Lister  # noqa: PLC0415
    from pinnedrelease.cluster.reader import Reader  # noqa: PLC0415
    from pinnedrelease.cluster.session import Session  # noqa: PLC0415
    from pinnedrelease.cluster.writer import Writer  # noqa: PLC0415
    from pinnedrelease.reconcile.clock import SystemClock  # noqa: PLC0415

    kubeconfig = given.kubeconfig or _from_environment()
    context = context or given.context
    try:
        access = load_access(kubeconfig, context, SystemClock().monotonic_s)
        namespace = namespace or given.namespace or context_namespace(kubeconfig, context)
    except (ValueError, RuntimeError) as error:
        # A date or number in the kubeconfig that is none; no home folder to look for one in.
        raise CannotTell(
            f"no cluster to talk to ({kubeconfig or 'the default kubeconfig'}): {error}; name one "
            "with --kubeconfig or $KUBECONFIG"
        ) from error
    session = Session(access)
    try:
        yield Connection(
            namespace=namespace,
            session=session,
            reader=Reader(session),
            lister=Lister(session),
            writer=Writer(session),
        )
    finally:
        await session.close()


def _from_environment() -> Path | None:
    """With $KUBECONFIG set the user means that list of files, even where in-cluster files exist."""
    files = os.environ.get("KUBECONFIG", "").strip(os.pathsep)
    return Path(files) if files else None
