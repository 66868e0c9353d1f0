"""``pinrel history NAME`` and ``pinrel history export NAME``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pinnedrelease.api.history import revision_to_wire
from pinnedrelease.api.record import record_lines
from pinnedrelease.cli.commands import Commands, commands_of
from pinnedrelease.cli.connection import Connection, add_cluster_arguments, with_cluster
from pinnedrelease.cli.errors import WrongUsage
from pinnedrelease.cli.output import add_output_argument, say, show
from pinnedrelease.cli.tables import table, time_text
from pinnedrelease.core.history import Gap, Revision, RevisionResult
from pinnedrelease.core.observed import Release
from pinnedrelease.reconcile.clock import SystemClock

HEADER = ("REV", "TAG", "DIGEST", "ACTION", "RESULT", "FROM", "UNTIL", "BY", "CAUSE", "ROLLBACK")
CAUSE_SHOWN = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """NAME, or ``export NAME``."""
    parser.add_argument(
        "name", nargs="+", metavar="[export] NAME", help="PinnedRelease; export writes JSON lines"
    )
    add_output_argument(parser, "json", "yaml")
    add_cluster_arguments(parser)


def run(given: argparse.Namespace) -> int:
    """Print the history, newest first."""
    is_export, name = _meant(given.name)

    async def read(connection: Connection) -> Release:
        return await connection.release(name)

    release = with_cluster(given, read)
    if is_export:
        for line in record_lines(release, SystemClock().now().wall):
            say(line)
        return 0
    entries = [
        revision_to_wire(one).model_dump(mode="json", by_alias=True, exclude_none=True)
        for one in release.status.history.revisions
    ]
    show(given.output, lambda: shown(release, commands_of(given)), entries)
    return 0


def _meant(words: Sequence[str]) -> tuple[bool, str]:
    if len(words) == 1:
        return False, words[0]
    if len(words) == 2 and words[0] == "export":  # noqa: PLR2004 - two words
        return True, words[1]
    raise WrongUsage("write: history NAME, or: history export NAME")


def shown(release: Release, commands: Commands) -> str:
    """The table, with the command that goes back to each revision that is a target."""
    revisions = release.status.history.revisions
    if not revisions:
        return f"{release} has no history yet\n"
    text = table(HEADER, [_row(one, commands.rollback(release, one)) for one in revisions])
    return text + "".join(_gap_line(one) for one in release.status.gaps)


def _row(one: Revision, rollback: str | None) -> tuple[str, ...]:
    return (
        str(one.number),
        one.pin.tag,
        one.pin.digest.short,
        str(one.action),
        _result(one),
        time_text(one.deploy_time),
        time_text(one.supersede_time, absent="now"),
        one.cause.actor or "",
        (one.cause.change_cause or "").replace("\n", " ")[:CAUSE_SHOWN],
        rollback or "",
    )


def _result(one: Revision) -> str:
    if one.edited_by is not None:
        return f"edited by {one.edited_by}"
    if one.digest_missing_time is not None:
        return f"{one.result}, digest gone"
    if one.result is RevisionResult.SUCCEEDED and one.ready_time is not None:
        return f"{one.result} after {round((one.ready_time - one.deploy_time).total_seconds())}s"
    return str(one.result)


def _gap_line(gap: Gap) -> str:
    return (
        f"gap: {time_text(gap.start)} .. {time_text(gap.end)}: the workload was changed "
        f"(by {gap.actor}) while no operator was watching; what ran then is unknown\n"
    )
