"""``pinrel doctor``: everything that may work against pins, looked at in turn."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial

from pinnedrelease.api.errors import NotAResource
from pinnedrelease.api.resource import decode_release
from pinnedrelease.cli import doctor_cluster, doctor_operator, doctor_releases
from pinnedrelease.cli.connection import (
    Connection,
    add_all_namespaces,
    add_cluster_arguments,
    with_cluster,
)
from pinnedrelease.cli.doctor_leader import check_leader, check_operator_rights
from pinnedrelease.cli.doctor_operator import Written, check_operator_secrets, written
from pinnedrelease.cli.doctor_workloads import Surroundings
from pinnedrelease.cli.errors import CANNOT_TELL, NO
from pinnedrelease.cli.findings import Finding, Result, ok, skip, why
from pinnedrelease.cli.installed import Installed, installed_operators
from pinnedrelease.cli.output import add_output_argument, progress, show
from pinnedrelease.cli.registry_access import add_no_registry, add_registry_arguments
from pinnedrelease.cli.tables import table
from pinnedrelease.cluster import paths
from pinnedrelease.cluster.errors import ClusterError, NotFound, Unavailable
from pinnedrelease.core.observed import Release
from pinnedrelease.reconcile.clock import SystemClock

Look = Callable[[], Awaitable[list[Finding]]]
Step = tuple[str, Look]
UNANSWERED_LIMIT = 2
"""So many in a row, then nothing more is asked: each may take seconds to time out."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to look."""
    add_all_namespaces(parser)
    add_no_registry(parser)
    add_output_argument(parser, "json", "yaml")
    add_registry_arguments(parser)
    add_cluster_arguments(parser)


def run(given: argparse.Namespace) -> int:
    """Look. 0: nothing fails; 1: something does; 3: something could not be looked at."""

    async def work(connection: Connection) -> list[Finding]:
        return await Examination(given, connection, SystemClock().now().wall).examine()

    found = with_cluster(given, work)
    show(given.output, lambda: as_text(found), [as_data(one) for one in found])
    return exit_code(found)


def exit_code(found: Sequence[Finding]) -> int:
    """A failure counts more than what could not be looked at; warnings do not count."""
    if any(one.result is Result.FAIL for one in found):
        return NO
    return CANNOT_TELL if any(one.result is Result.SKIP for one in found) else 0


class Examination:
    """All checks, once. One that cannot be made says why and leaves the others alone."""

    def __init__(self, given: argparse.Namespace, connection: Connection, now: datetime) -> None:
        self._given = given
        self._connection = connection
        self._now = now
        self._scope = None if given.all_namespaces else connection.namespace
        self._unanswered = 0
        self._installed = Installed()
        self._written: list[Written] = []

    async def examine(self) -> list[Finding]:
        """Every finding, in the order in which a person would look. Raises no ClusterError."""
        connection, scope = self._connection, self._scope
        found = await self._each(
            ("api-server", partial(doctor_cluster.check_server, connection)),
            ("crd", partial(doctor_cluster.check_crd, connection)),
            ("releases", self._read_releases),
            ("operator", self._look_at_operators),
        )
        found += doctor_operator.check_progress(self._written, self._now)
        for operator in self._installed.in_scope(scope):
            found += await self._each(
                ("operator-rights", partial(check_operator_rights, connection, operator, scope)),
                ("leader", partial(check_leader, connection, operator, self._now)),
            )
        found += await self._each(
            ("your-rights", partial(doctor_cluster.check_own_rights, connection, scope)),
            ("admission", partial(doctor_cluster.check_admission, connection)),
        )
        return found + await self._look_around_releases()

    @property
    def _releases(self) -> list[Release]:
        return [one.release for one in self._written]

    async def _read_releases(self) -> list[Finding]:
        try:
            async for document in self._connection.lister.documents(paths.RELEASES, self._scope):
                self._written.append(written(document, decode_release(document.values)))
        except NotFound:
            return [skip("releases", "this cluster does not know PinnedReleases")]
        except NotAResource as error:
            return [skip("releases", f"a PinnedRelease cannot be read: {error}")]
        where = f"in namespace {self._scope}" if self._scope else "in all namespaces"
        return [ok("releases", f"{len(self._written)} to look at {where}")]

    async def _look_at_operators(self) -> list[Finding]:
        self._installed = await installed_operators(self._connection)
        return doctor_operator.judge_operators(self._installed, self._scope, self._releases)

    async def _look_around_releases(self) -> list[Finding]:
        connection, releases = self._connection, self._releases
        surroundings = Surroundings(connection)
        found: list[Finding] = []
        if releases:
            look = partial(doctor_releases.check_rivals, connection, releases)
            found += await self._each(("conflict", look))
        if not self._given.no_registry:
            found += await doctor_releases.check_registries(self._given, releases)
        found += await self._each(
            *((str(one), partial(surroundings.check, one)) for one in releases)
        )
        for namespace, sources in sorted(surroundings.sources.items()):
            for operator in self._installed.in_scope(namespace):
                look = partial(check_operator_secrets, connection, operator, namespace, sources)
                found += await self._each(("operator-secrets", look))
        return found

    async def _each(self, *steps: Step) -> list[Finding]:
        found: list[Finding] = []
        for name, look in steps:
            progress(f"looking at {name}")
            found += await self._careful(name, look)
        return found

    async def _careful(self, name: str, look: Look) -> list[Finding]:
        if self._unanswered >= UNANSWERED_LIMIT:
            return [skip(name, "the requests before had no usable answer")]
        try:
            found = await look()
        except ClusterError as error:
            self._unanswered = self._unanswered + 1 if isinstance(error, Unavailable) else 0
            return [skip(name, why(error))]
        self._unanswered = 0
        return found


def as_text(found: Sequence[Finding]) -> str:
    """A table for people."""
    rows = [
        (one.result, one.check, f"{one.message}; {one.fix}" if one.fix else one.message)
        for one in found
    ]
    return table(("RESULT", "CHECK", "WHAT IS, AND WHAT TO DO"), rows)


def as_data(finding: Finding) -> dict[str, object]:
    """One finding for programs."""
    return {
        "check": finding.check,
        "result": str(finding.result),
        "message": finding.message,
        "fix": finding.fix or None,
    }
