"""``pinrel ran``: what ran at a time, with the source of the answer and how far back it can see."""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from pathlib import Path

from pinnedrelease.api.errors import NotAResource
from pinnedrelease.api.record import timeline_from_lines
from pinnedrelease.cli.connection import Connection, add_cluster_arguments, with_cluster
from pinnedrelease.cli.errors import CANNOT_TELL, CannotTell, CommandError, WrongUsage
from pinnedrelease.cli.git_log import timeline_from_git
from pinnedrelease.cli.output import add_output_argument, note, out
from pinnedrelease.cli.tables import time_text
from pinnedrelease.cli.times import a_day_later, is_day, parse_time
from pinnedrelease.core.history import Revision
from pinnedrelease.core.timeline import Certainty, Segment, Timeline, at, during, timeline_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What, when, and from which sources."""
    parser.add_argument("name", nargs="?", help="PinnedRelease; may be left out with a file of one")
    when = parser.add_mutually_exclusive_group(required=True)
    when.add_argument(
        "--at", metavar="TIME", help="2026-10-03T12:00Z; a date alone lists the whole day (UTC)"
    )
    when.add_argument(
        "--during", nargs=2, metavar=("FROM", "UNTIL"), help="list everything between"
    )
    parser.add_argument(
        "-f",
        "--file",
        type=Path,
        metavar="FILE",
        help="PinnedRelease in a Git repository: its log is a source too",
    )
    parser.add_argument(
        "--export", type=Path, metavar="FILE", help="JSON lines of `pinrel history export`"
    )
    add_output_argument(parser, "json")
    add_cluster_arguments(parser)


def run(given: argparse.Namespace) -> int:
    """Ask the first source that reaches back far enough. 0: known, 3: it cannot be told."""
    start, end = _span(given)
    sources = _sources(given)
    chosen = next((one for one in sources if _reaches(one, start)), sources[-1])
    found = (at(chosen, start),) if end is None else during(chosen, start, end)
    if given.output == "json":
        out(json.dumps(_as_json(chosen, found), indent=2) + "\n")
    else:
        out(_as_text(chosen, found))
    return CANNOT_TELL if any(one.certainty is Certainty.UNKNOWN for one in found) else 0


def _span(given: argparse.Namespace) -> tuple[datetime, datetime | None]:
    if given.during is not None:
        start, end = (parse_time(text) for text in given.during)
        if is_day(given.during[1]):
            end = a_day_later(end)
        if start >= end:
            raise WrongUsage("--during needs an earlier and a later time")
        return start, end
    start = parse_time(given.at)
    return start, a_day_later(start) if is_day(given.at) else None


def _sources(given: argparse.Namespace) -> list[Timeline]:
    """Each source that was named, the most exact one first."""
    if given.export is not None:
        return [_from_export(given.export, given.name)]
    if given.name is None:
        if given.file is None:
            raise WrongUsage("name a PinnedRelease, or a file with -f or --export")
        return [timeline_from_git(given.file, None)]
    found: list[Timeline] = []
    try:
        found.append(_from_cluster(given))
    except CommandError as error:
        if given.file is None:
            raise
        note(f"the cluster does not answer ({error}); asking Git")
    if given.file is not None:
        found.append(timeline_from_git(given.file, given.name))
    return found


def _from_cluster(given: argparse.Namespace) -> Timeline:
    async def read(connection: Connection) -> Timeline:
        release = await connection.release(given.name)
        return timeline_of(release.status, f"the status of PinnedRelease {release}")

    return with_cluster(given, read)


def _from_export(path: Path, name: str | None) -> Timeline:
    try:
        with path.open(encoding="utf-8") as lines:
            return timeline_from_lines(lines, name, f"the export {path}")
    except UnicodeDecodeError as error:
        raise CannotTell(f"{path} is not UTF-8 text (byte {error.start})") from error
    except (OSError, NotAResource) as error:
        raise CannotTell(f"{path}: {error}") from error


def _reaches(timeline: Timeline, when: datetime) -> bool:
    earliest = timeline.reaches_back_to
    return earliest is not None and earliest <= when


def _as_text(timeline: Timeline, found: tuple[Segment, ...]) -> str:
    lines = [_segment_text(one) for one in found]
    earliest = time_text(timeline.reaches_back_to, absent="nowhere")
    return "\n".join([*lines, f"source: {timeline.source}, which sees back to {earliest}"]) + "\n"


def _segment_text(one: Segment) -> str:
    span = f"{time_text(one.since, absent='...')} .. {time_text(one.until, absent='now')}"
    if one.certainty is Certainty.UNKNOWN:
        declared = f"; declared was {one.revision.pin.reference}" if one.revision else ""
        return f"unknown between {span.replace(' .. ', ' and ')}: {one.note}{declared}"
    if one.revision is None:
        return f"unknown: {one.note}"
    return (
        f"{one.revision.pin.reference}\n  {span}: {one.certainty}: {one.note}\n  "
        f"revision {one.revision.number}{_cause_text(one.revision)}"
    )


def _cause_text(revision: Revision) -> str:
    cause = revision.cause
    who = f" by {cause.actor}" if cause.actor else ""
    return f" {revision.action}{who}" + (f": {cause.change_cause}" if cause.change_cause else "")


def _as_json(timeline: Timeline, found: tuple[Segment, ...]) -> dict[str, object]:
    return {
        "source": timeline.source,
        "reachesBackTo": time_text(timeline.reaches_back_to) or None,
        "answers": [answer_as_data(one) for one in found],
    }


def answer_as_data(one: Segment) -> dict[str, object]:
    """One answer as data. Keys are stable."""
    return {
        "certainty": str(one.certainty),
        "since": time_text(one.since) or None,
        "until": time_text(one.until) or None,
        "revision": one.revision.number if one.revision else None,
        "repository": one.revision.pin.spelling if one.revision else None,
        "tag": one.revision.pin.tag if one.revision else None,
        "digest": str(one.revision.pin.digest) if one.revision else None,
        "note": one.note,
    }
