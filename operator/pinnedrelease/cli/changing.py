"""A change of a PinnedRelease, and the line that says so, as kubectl says it."""

from __future__ import annotations

import argparse

from pinnedrelease.api.changes import Patch
from pinnedrelease.api.ownership import GitOpsOwner
from pinnedrelease.cli.connection import Connection
from pinnedrelease.cli.errors import NO
from pinnedrelease.cli.output import note, out, resource_name, say
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import Pin


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    """The flag that changes nothing."""
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")


async def change(
    connection: Connection, release: Release, patch: Patch, verb: str, *, dry_run: bool
) -> None:
    """Send a patch, if the object is still as it was read, and say what was done."""
    if not dry_run:
        await connection.writer.change_release(
            release.namespace, release.name, patch, release.resource_version
        )
    say(f"{resource_name(release.name)} {verb}{' (dry run)' if dry_run else ''}")


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
