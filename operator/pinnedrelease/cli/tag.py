"""``pinrel tag``: another tag for a digest, without pulling it."""

from __future__ import annotations

import argparse
from pathlib import Path

from pinnedrelease.cli.changing import add_dry_run
from pinnedrelease.cli.connection import run_async
from pinnedrelease.cli.errors import CommandError, WrongUsage
from pinnedrelease.cli.output import progress, say
from pinnedrelease.cli.pairs import pair_in_file
from pinnedrelease.cli.places import FILE_ENDINGS
from pinnedrelease.cli.registry_access import Asker, add_registry_arguments, answered
from pinnedrelease.cli.text_files import STDIN
from pinnedrelease.core.digest import Digest
from pinnedrelease.core.errors import CoreError
from pinnedrelease.core.reference import Repository, is_tag, parse_reference


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What gets which tag."""
    parser.add_argument(
        "image", metavar="IMAGE@DIGEST|FILE", help="digest in full, or a capture or PinnedRelease"
    )
    parser.add_argument("tag", metavar="TAG", help="the tag to give")
    parser.add_argument(
        "--move", action="store_true", help="also when the tag names other content now"
    )
    add_dry_run(parser)
    add_registry_arguments(parser)


def run(given: argparse.Namespace) -> int:
    """Tag. 0: the tag names the digest; 1: refused."""
    if not is_tag(given.tag):
        raise WrongUsage(f"{given.tag[:140]!r} is not an image tag")
    repository, digest = _meant(given)

    async def work(asker: Asker) -> tuple[Digest | None, bool]:
        progress(f"asking {repository.host} what {given.tag} is now")
        present = await asker.resolve(given.tag)
        if present not in (None, digest) and not given.move:
            raise CommandError(
                f"{repository.familiar}:{given.tag} names {present} already; people rely on tags "
                "that stay: take another one, or move this one with --move"
            )
        if present == digest or given.dry_run:
            if not await asker.exists(digest):
                raise CommandError(f"the registry has no {digest} in {repository.familiar}")
            return present, False
        return present, await asker.retag(digest, given.tag, move=given.move)

    async def asked() -> tuple[Digest | None, bool]:
        return await answered(given, repository, work)

    before, was_written = run_async(asked())
    name = f"{repository.familiar}:{given.tag}"
    if before == digest:
        say(f"{name} names {digest} already; nothing to do")
    else:
        verb = "tagged" if was_written else "would be tagged (dry run)"
        moved = f", was {before}" if before is not None else ""
        say(f"{name} {verb} {digest}{moved}")
    return 0


def _meant(given: argparse.Namespace) -> tuple[Repository, Digest]:
    text: str = given.image
    if text.endswith(FILE_ENDINGS) or text == STDIN:
        pin = pair_in_file(Path(text), None).pin
        return pin.repository, pin.digest.digest
    try:
        reference = parse_reference(text)
    except CoreError as error:
        raise WrongUsage(f"{text!r}: {error}; write REPOSITORY@sha256:...") from error
    if reference.digest is None:
        raise WrongUsage(
            f"{text} names no digest, and a tag may have moved since you looked; write "
            "REPOSITORY@sha256:..., or a capture file"
        )
    return reference.repository, reference.digest
