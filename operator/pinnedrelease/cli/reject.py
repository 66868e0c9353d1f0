"""``pinrel reject``: a digest that nobody may roll out until it is taken off the list."""

from __future__ import annotations

import argparse

from pinnedrelease.api import changes
from pinnedrelease.cli.changing import add_dry_run, change
from pinnedrelease.cli.commands import commands_of
from pinnedrelease.cli.connection import Connection, add_cluster_arguments, with_cluster
from pinnedrelease.cli.errors import CommandError, WrongUsage
from pinnedrelease.cli.output import note
from pinnedrelease.core import targets
from pinnedrelease.core.digest import DeclaredDigest
from pinnedrelease.core.errors import CoreError
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import DesiredPin, RejectedDigest

LIMIT = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which digest of which release, and why."""
    parser.add_argument("name", help="PinnedRelease")
    parser.add_argument("digest", help="in full, or the first digits of one in the history")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--reason", help="why nobody may roll it out")
    how.add_argument("--lift", action="store_true", help="allow it again")
    add_dry_run(parser)
    add_cluster_arguments(parser)


def run(given: argparse.Namespace) -> int:
    """Put the digest on ``spec.rejectedDigests``, or take it off."""

    async def work(connection: Connection) -> int:
        release = await connection.release(given.name)
        if not isinstance(release.spec, DesiredPin):
            raise CommandError(f"{release} has an invalid spec: {'; '.join(release.spec.problems)}")
        digest = _to_lift(release, given.digest) if given.lift else _meant(release, given.digest)
        kept = tuple(one for one in release.spec.rejected if one.digest != digest)
        if not given.lift:
            kept = (*kept, RejectedDigest(digest=digest, reason=given.reason))
        if len(kept) > LIMIT:
            raise CommandError(f"{release} refuses {LIMIT} digests already; lift one first")
        verb = f"allows {digest} again" if given.lift else f"refuses {digest}"
        patch = changes.reject(kept)
        await change(connection, release, patch, verb, dry_run=given.dry_run)
        if not given.lift and release.spec.pin.digest == digest:
            note(
                "this is the declared digest: what runs stays, and nothing is written until "
                "another one is declared, for example with: "
                f"{commands_of(given).act('rollback', release)}"
            )
        return 0

    return with_cluster(given, work)


def _to_lift(release: Release, text: str) -> DeclaredDigest:
    """One of the refused digests, in full or by its first digits. Raises CommandErrors."""
    refused = release.spec.rejected if isinstance(release.spec, DesiredPin) else ()
    digits = text.removeprefix("sha256:")
    found = [one.digest for one in refused if one.digest.digest.encoded.startswith(digits)]
    if len(found) == 1 and digits:
        return found[0]
    listing = ", ".join(one.digest.short for one in refused) or "none"
    if found:
        raise WrongUsage(f"{text!r} fits several of the refused digests, write more: {listing}")
    raise CommandError(f"{text} was not refused by {release}; refused are: {listing}")


def _meant(release: Release, text: str) -> DeclaredDigest:
    try:
        return DeclaredDigest.parse(text)
    except CoreError as error:
        try:
            return targets.by_digest(release.status.history, text).pin.digest
        except targets.NoTarget as unknown:
            raise WrongUsage(f"{error}; {unknown}") from error
