"""A change of a PinnedRelease, and the line that says so, as kubectl says it."""

from __future__ import annotations

import argparse

from pinnedrelease.api.changes import Patch
from pinnedrelease.api.ownership import GitOpsOwner
from pinnedrelease.cli.connection import Connection
from pinnedrelease.cli.errors import NO, CommandError
from pinnedrelease.cli.output import note, out, resource_name, say
from pinnedrelease.cluster.errors import Conflict
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import Pin

ATTEMPTS = 10


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    """The flag that changes nothing."""
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")


async def change(
    connection: Connection, release: Release, patch: Patch, verb: str, *, dry_run: bool
) -> None:
    """Send a patch, if the spec is still as it was read, and say what was done.

    A status that the operator has written meanwhile is no reason to refuse. Raises CommandError
    when somebody else has changed the spec.
    """
    if not dry_run:
        await _send(connection, release, patch)
    say(f"{resource_name(release.name)} {verb}{' (dry run)' if dry_run else ''}")


async def _send(connection: Connection, release: Release, patch: Patch) -> None:
    version = release.resource_version
    for _ in range(ATTEMPTS):
        try:
            return await connection.writer.change_release(
                release.namespace, release.name, patch, version
            )
        except Conflict:
            now = await connection.reader.release(release.namespace, release.name)
            if now is None or now.uid != release.uid or now.generation != release.generation:
                break
            version = now.resource_version
    raise CommandError(
        f"{release} has been changed by somebody else meanwhile; look at it and try again"
    )


def leave_to_owner(
    release: Release, declared: Pin, wanted: Pin, owner: GitOpsOwner, *, hint: str
) -> int:
    """Show what to change in Git: a change in the cluster would be undone by its owner."""
    out(
        f"-  tag: {declared.tag!r}\n+  tag: {wanted.tag!r}\n"
        f"-  digest: {declared.digest}\n+  digest: {wanted.digest}\n"
    )
    note(
        f"{release} is owned by {owner}, which would undo a change made here: change this in Git, "
        f"or in a checkout: {hint}"
    )
    return NO
