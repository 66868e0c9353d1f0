"""``pinrel doctor``: everything that may work against pins, looked at in turn."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from functools import partial

from pinnedrelease.cli import doctor_cluster, doctor_releases
from pinnedrelease.cli.connection import (
    Connection,
    add_all_namespaces,
    add_cluster_arguments,
    with_cluster,
)
from pinnedrelease.cli.doctor_cluster import Operator, why
from pinnedrelease.cli.errors import CANNOT_TELL, NO
from pinnedrelease.cli.findings import Finding, Result, skip
from pinnedrelease.cli.output import add_output_argument, progress, show
from pinnedrelease.cli.registry_access import add_no_registry, add_registry_arguments
from pinnedrelease.cli.tables import table
from pinnedrelease.cluster.errors import ClusterError, Unavailable
from pinnedrelease.core.observed import Release

Look = Callable[[], Awaitable[list[Finding]]]


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
        return await _Doctor(given, connection).examine()

    found = with_cluster(given, work)
    show(given.output, lambda: _text(found), [_as_data(one) for one in found])
    if any(one.result is Result.FAIL for one in found):
        return NO
    return CANNOT_TELL if any(one.result is Result.SKIP for one in found) else 0


class _Doctor:
    def __init__(self, given: argparse.Namespace, connection: Connection) -> None:
        self._given = given
        self._connection = connection
        self._scope = None if given.all_namespaces else connection.namespace
        self._operator: Operator | None = None
        self._releases: list[Release] = []

    async def examine(self) -> list[Finding]:
        """All checks. One that cannot be made leaves the others alone. Raises Unavailable."""
        connection, scope = self._connection, self._scope
        found = [await doctor_cluster.check_server(connection)]
        steps: list[tuple[str, Look]] = [
            ("crd", lambda: _one(doctor_cluster.check_crd(connection))),
            ("operator", self._look_at_operator),
            ("operator-rights", self._look_at_operator_rights),
            ("your-rights", lambda: _one(doctor_cluster.check_own_rights(connection, scope))),
            ("admission", lambda: _one(doctor_cluster.check_admission(connection))),
            ("releases", self._look_at_releases),
        ]
        for name, step in steps:
            progress(f"looking at {name}")
            found += await _careful(name, step)
        for release in self._releases:
            look = partial(doctor_releases.check_release, connection, release)
            found += await _careful(str(release), look)
        return found

    async def _look_at_operator(self) -> list[Finding]:
        self._operator = await doctor_cluster.find_operator(self._connection)
        return doctor_cluster.judge_operator(self._operator)

    async def _look_at_operator_rights(self) -> list[Finding]:
        if self._operator is None:
            return []
        return [
            await doctor_cluster.check_operator_rights(
                self._connection, self._operator, self._scope
            )
        ]

    async def _look_at_releases(self) -> list[Finding]:
        self._releases = await self._connection.lister.releases(self._scope)
        found = doctor_releases.check_progress(self._releases)
        found += doctor_releases.check_rivals(self._releases)
        if not self._given.no_registry:
            found += await doctor_releases.check_registries(self._given, self._releases)
        return found


async def _one(check: Awaitable[Finding]) -> list[Finding]:
    return [await check]


async def _careful(name: str, look: Look) -> list[Finding]:
    try:
        return await look()
    except Unavailable:
        raise
    except ClusterError as error:
        return [skip(name, why(error))]


def _text(found: list[Finding]) -> str:
    rows = [
        (one.result, one.check, f"{one.message}; {one.fix}" if one.fix else one.message)
        for one in found
    ]
    return table(("RESULT", "CHECK", "WHAT IS, AND WHAT TO DO"), rows)


def _as_data(finding: Finding) -> dict[str, object]:
    return {
        "check": finding.check,
        "result": str(finding.result),
        "message": finding.message,
        "fix": finding.fix or None,
    }
