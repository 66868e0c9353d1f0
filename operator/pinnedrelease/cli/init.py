"""``pinrel init``: PinnedReleases for what runs now, for teams that begin today."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from pinnedrelease.cli.adoption import Proposal, Skipped, propose
from pinnedrelease.cli.connection import Connection, add_cluster_arguments, with_cluster
from pinnedrelease.cli.errors import CANNOT_TELL, NO, WrongUsage
from pinnedrelease.cli.output import note, out, say
from pinnedrelease.cli.registry_access import add_no_registry, add_registry_arguments
from pinnedrelease.cli.targets import parse_target
from pinnedrelease.cli.text_files import write_text


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """What is written for one proposal."""

    file: str
    text: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which workloads, and where the result goes."""
    parser.add_argument(
        "workload", nargs="*", help="such as deploy/web (default: all of the namespace)"
    )
    parser.add_argument(
        "--report",
        action="store_true",
        help="write driftPolicy: Report, which only watches; take it out when you trust it",
    )
    parser.add_argument(
        "-d",
        "--directory",
        type=Path,
        metavar="FILE",
        help="one file for each here, not all on standard output",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace files that are there already"
    )
    add_no_registry(parser)
    add_registry_arguments(parser)
    add_cluster_arguments(parser)


def run(given: argparse.Namespace) -> int:
    """Write. 0: all workloads; 1: some were left out for a reason; 3: a registry is silent."""
    wanted = tuple(parse_target(text) for text in given.workload)

    async def work(connection: Connection) -> tuple[list[Proposal], list[Skipped]]:
        return await propose(given, connection, wanted)

    proposals, skipped = with_cluster(given, work)
    texts = [_Text(file=f"{one.release.name}.yaml", text=_text(given, one)) for one in proposals]
    if given.directory is not None:
        _write(given, texts)
    else:
        out("---\n".join(one.text for one in texts))
    for one in skipped:
        note(f"{one.target} left out: {one.reason}")
    rolling = [one for one in proposals if one.rolls_out]
    if rolling and not given.report:
        names = ", ".join(str(one.release.target) for one in rolling)
        note(
            f"applying this replaces the pods of {names} once, by the same content; to watch first "
            "and change nothing: --report"
        )
    if any(one.is_unknown for one in skipped):
        return CANNOT_TELL
    return NO if any(not one.is_fine for one in skipped) else 0


def _text(given: argparse.Namespace, proposal: Proposal) -> str:
    release = proposal.release
    if given.report:
        policy = "# driftPolicy: Report changes nothing; take it out to have the pin enforced.\n"
    elif proposal.rolls_out:
        policy = (
            "# The template names a tag: applying this writes the digest into it, which replaces "
            "the pods\n# once, by the same content.\n"
        )
    else:
        policy = "# The template has this digest already: applying this changes nothing.\n"
    head = f"# {release.target} in namespace {release.namespace}: {proposal.grounds}\n"
    warning = f"# Note: {proposal.note}.\n" if proposal.note else ""
    return head + policy + warning + release.text


def _write(given: argparse.Namespace, texts: list[_Text]) -> None:
    folder: Path = given.directory
    if not folder.is_dir():
        raise WrongUsage(f"{folder} is no folder; make it first")
    present = [one.file for one in texts if (folder / one.file).exists()]
    if present and not given.overwrite:
        raise WrongUsage(
            f"{folder} has {', '.join(present)} already; nothing was written. Remove them, or use "
            "--overwrite"
        )
    for one in texts:
        write_text(folder / one.file, one.text)
    for one in texts:
        say(str(folder / one.file))
