"""The record of a PinnedRelease as JSON lines: what ``pinrel history export`` writes.

Each line has a ``record`` (Revision, Drift, Gap or Export) and the name of the release. Exports of
the same release can be appended to one file: of two lines about one revision the later one counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime

from pydantic import ValidationError

from pinnedrelease.api.convert import drift_from_wire, drift_to_wire
from pinnedrelease.api.errors import NotAResource
from pinnedrelease.api.history import (
    GapEntry,
    HistoryEntry,
    gap_from_wire,
    gap_to_wire,
    revision_from_wire,
    revision_to_wire,
)
from pinnedrelease.api.status import DriftEntry
from pinnedrelease.api.wire import Wire
from pinnedrelease.core.drift import DriftRecord
from pinnedrelease.core.history import Gap, Revision
from pinnedrelease.core.observed import Release
from pinnedrelease.core.timeline import Timeline, timeline_of


class ExportEntry(Wire):
    """When an export was made, and since when it has all drift."""

    export_time: datetime
    drift_known_since: datetime | None = None


def record_lines(release: Release, now: datetime) -> Iterator[str]:
    """The lines of one release, oldest revision first."""
    timeline = timeline_of(release.status, "")
    yield _line(
        "Export",
        release,
        ExportEntry(export_time=now, drift_known_since=timeline.drift_known_since),
    )
    for revision in reversed(timeline.revisions):
        yield _line("Revision", release, revision_to_wire(revision))
    for record in reversed(timeline.drift):
        yield _line("Drift", release, drift_to_wire(record))
    for gap in reversed(timeline.gaps):
        yield _line("Gap", release, gap_to_wire(gap))


def timeline_from_lines(lines: Iterable[str], name: str | None, source: str) -> Timeline:
    """Read exports. Raises NotAResource for a line that is none, and when several names are in it.

    ``name`` is ``namespace/name`` or a plain name; without it the lines must be about one release.
    """
    record = _Record()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            about = str(values["release"])
            if name is None or name in (about, about.rpartition("/")[2]):
                record.add(about, str(values["record"]), values)
        except (json.JSONDecodeError, TypeError, KeyError, ValidationError) as error:
            raise NotAResource(
                f"line {number} is no line of `pinrel history export`: {str(error)[:200]}"
            ) from error
    return record.timeline(source)


class _Record:
    """What has been read so far."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._revisions: dict[int, Revision] = {}
        self._drift: dict[tuple[str, str, datetime], DriftRecord] = {}
        self._gaps: dict[datetime, Gap] = {}
        self._known_since: list[datetime] = []

    def add(self, about: str, kind: str, values: object) -> None:
        """Take one line in. A kind of a newer version is passed over."""
        self._names.add(about)
        if kind == "Revision":
            revision = revision_from_wire(HistoryEntry.model_validate(values), None)
            if revision is not None:
                self._revisions[revision.number] = revision
        elif kind == "Drift":
            found = drift_from_wire(DriftEntry.model_validate(values))
            self._drift[found.kind, found.subject, found.detect_time] = found
        elif kind == "Gap":
            gap = gap_from_wire(GapEntry.model_validate(values))
            self._gaps[gap.end] = gap
        elif kind == "Export":
            known_since = ExportEntry.model_validate(values).drift_known_since
            self._known_since += [known_since] if known_since is not None else []

    def timeline(self, source: str) -> Timeline:
        """All of it. Nobody knows which drift fell between two exports: the newest limit counts."""
        if len(self._names) > 1:
            several = ", ".join(sorted(self._names))
            raise NotAResource(f"several releases are in it, name one: {several}")
        return Timeline(
            source=source,
            revisions=tuple(
                self._revisions[number] for number in sorted(self._revisions, reverse=True)
            ),
            drift=tuple(
                sorted(self._drift.values(), key=lambda one: one.detect_time, reverse=True)
            ),
            gaps=tuple(self._gaps.values()),
            drift_known_since=max(self._known_since, default=None),
        )


def _line(kind: str, release: Release, entry: Wire) -> str:
    values = entry.model_dump(mode="json", by_alias=True, exclude_none=True)
    return json.dumps({"record": kind, "release": str(release), **values}, separators=(",", ":"))
