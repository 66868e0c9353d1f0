"""``pinrel verify``: template, pods, digest and tag, seen from outside. No operator is needed."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from pinnedrelease.cli.connection import (
    Connection,
    add_all_namespaces,
    add_cluster_arguments,
    with_cluster,
)
from pinnedrelease.cli.errors import CANNOT_TELL, NO, CommandError, WrongUsage
from pinnedrelease.cli.output import add_no_headers, add_output_argument, resource_name, show
from pinnedrelease.cli.pairs import pairs_in_file
from pinnedrelease.cli.registry_access import add_no_registry, add_registry_arguments
from pinnedrelease.cli.survey import surveying
from pinnedrelease.cli.tables import table
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import DesiredPin
from pinnedrelease.core.status import Status
from pinnedrelease.core.verification import Answer, Check, Subject, verify
from pinnedrelease.reconcile.clock import SystemClock

Verified = tuple[Release, tuple[Check, ...]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to look at, and what to leave out."""
    parser.add_argument("name", nargs="*", help="PinnedReleases (default: all of the namespace)")
    parser.add_argument(
        "-f",
        "--file",
        type=Path,
        metavar="FILE",
        help="verify what this file declares, applied or not",
    )
    parser.add_argument("--no-pods", action="store_true", help="do not look at pods")
    add_no_registry(parser)
    add_all_namespaces(parser)
    add_output_argument(parser, "json", "yaml", "name")
    add_no_headers(parser)
    add_registry_arguments(parser)
    add_cluster_arguments(parser)


def run(given: argparse.Namespace) -> int:
    """Verify. 0: all the same; 1: something differs; 3: something cannot be told."""
    if given.all_namespaces and (given.name or given.file):
        raise WrongUsage("-A looks at everything; leave names and files out")

    async def work(connection: Connection) -> list[Verified]:
        releases, others = await _wanted(given, connection)
        now = SystemClock().now()
        async with surveying(
            given,
            connection,
            with_pods=not given.no_pods,
            with_registry=not given.no_registry,
        ) as surveyor:
            observed = await asyncio.gather(
                *(surveyor.observe(release, others) for release in releases)
            )
        unread = surveyor.unread
        return [
            (one.release, _with_unread_pods(verify(one, now), unread.get(one.release.namespace)))
            for one in observed
        ]

    found = with_cluster(given, work)
    differing = [release for release, checks in found if _has(checks, Answer.DIFFERS)]
    show(
        given.output,
        lambda: _text(found, with_header=not given.no_headers),
        _as_data(found),
        [resource_name(release.name) for release in differing],
    )
    if differing:
        return NO
    is_open = any(_has(checks, Answer.UNKNOWN) for _, checks in found)
    return CANNOT_TELL if is_open else 0


async def _wanted(
    given: argparse.Namespace, connection: Connection
) -> tuple[tuple[Release, ...], tuple[Release, ...]]:
    """The PinnedReleases to verify, and all those that may share a workload with them."""
    if given.file is not None:
        return _from_file(given, connection), ()
    scope = None if given.all_namespaces else connection.namespace
    others = tuple(await connection.releases(scope))
    if given.name:
        return tuple([await connection.release(name) for name in given.name]), others
    if not others:
        where = "in this cluster" if scope is None else f"in namespace {scope}"
        raise CommandError(f"there is no PinnedRelease {where}, so nothing was verified")
    return others, others


def _from_file(given: argparse.Namespace, connection: Connection) -> tuple[Release, ...]:
    declared = [
        one
        for one in pairs_in_file(given.file)
        if one.spec is not None and (not given.name or one.name in given.name)
    ]
    if not declared:
        raise WrongUsage(f"{given.file} has no such PinnedRelease")
    now = SystemClock().now().wall
    return tuple(
        Release(
            namespace=given.namespace or one.namespace or connection.namespace,
            name=one.name or "",
            uid=f"file:{one.name}",
            resource_version="",
            generation=1,
            created_at=now,
            spec=one.spec,
            status=Status(),
        )
        for one in declared
        if one.spec is not None
    )


def _with_unread_pods(checks: tuple[Check, ...], reason: str | None) -> tuple[Check, ...]:
    """Pods that were wanted and could not be read are not skipped: nobody knows what they run."""
    if reason is None:
        return checks
    unread = Check(
        subject=Subject.PODS, answer=Answer.UNKNOWN, message=f"they cannot be read: {reason}"
    )
    return tuple(unread if one.subject is Subject.PODS else one for one in checks)


def _has(checks: tuple[Check, ...], answer: Answer) -> bool:
    return any(one.answer is answer for one in checks)


def _text(found: list[Verified], *, with_header: bool) -> str:
    rows = [
        (release.namespace, release.name, one.subject, _shown(one.answer), one.message)
        for release, checks in found
        for one in checks
    ]
    return table(("NAMESPACE", "NAME", "CHECK", "ANSWER", "GROUNDS"), rows, with_header=with_header)


def _shown(answer: Answer) -> str:
    """What differs stands out without colours."""
    return answer.upper() if answer is Answer.DIFFERS else str(answer)


def _as_data(found: list[Verified]) -> list[dict[str, object]]:
    return [
        {
            "namespace": release.namespace,
            "name": release.name,
            "tag": release.spec.pin.tag if isinstance(release.spec, DesiredPin) else None,
            "digest": (
                str(release.spec.pin.digest) if isinstance(release.spec, DesiredPin) else None
            ),
            "checks": [
                {"check": str(one.subject), "answer": str(one.answer), "message": one.message}
                for one in checks
            ],
        }
        for release, checks in found
    ]
