"""History and gaps of the status: models, and their conversion both ways."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from pinnedrelease.api.fields import CAUSE_LIMIT, ActorText, DigestText, Generation
from pinnedrelease.api.wire import Wire, sound_entries
from pinnedrelease.core.errors import CoreError
from pinnedrelease.core.history import (
    Cause,
    Gap,
    History,
    Revision,
    RevisionAction,
    RevisionResult,
)
from pinnedrelease.core.pin import Pin

INT64 = {"format": "int64"}


class HistoryEntry(Wire):
    """One pair that was in force."""

    revision: Annotated[
        int, Field(ge=1, description="Number, never reused.", json_schema_extra=INT64)
    ]
    repository: Annotated[str, Field(max_length=255, description="Repository of the image.")]
    tag: Annotated[str, Field(max_length=128, description="Tag for people.")]
    digest: Annotated[DigestText, Field(description="Digest that was put in force.")]
    action: Annotated[RevisionAction, Field(description="Why it was put in force.")]
    deploy_time: Annotated[AwareDatetime, Field(description="From when it was in force.")]
    ready_time: Annotated[
        AwareDatetime | None, Field(description="When all pods were ready on it first.")
    ] = None
    supersede_time: Annotated[
        AwareDatetime | None, Field(description="Until when it was in force.")
    ] = None
    digest_missing_time: Annotated[
        AwareDatetime | None,
        Field(description="Since when the registry is known to have this digest no more."),
    ] = None
    result: Annotated[
        RevisionResult,
        Field(
            description=(
                "Planned: recorded, the workload write is not confirmed. InProgress: pods follow. "
                "Succeeded: all pods were ready. Failed: they were not in time. Superseded: "
                "replaced before they were ready. NotApplied: replaced before the workload had it, "
                "so it never was in force. Unknown: recovered, nobody recorded it."
            )
        ),
    ]
    generation: Annotated[
        Generation | None, Field(description="Generation of the spec that asked for it.")
    ] = None
    change_cause: Annotated[
        str | None,
        Field(
            max_length=CAUSE_LIMIT,
            description="Why, as declared: spec.changeCause, or the reason of the override.",
        ),
    ] = None
    actor: Annotated[
        ActorText | None, Field(description="Who declared the digest: its field manager.")
    ] = None


class GapEntry(Wire):
    """The workload changed while no operator was watching: what ran in between is unknown."""

    start_time: Annotated[AwareDatetime, Field(description="Until when it is known what ran.")]
    end_time: Annotated[AwareDatetime, Field(description="From when it is known again.")]
    actor: Annotated[
        ActorText | None, Field(description="Field manager of the newest of the changes.")
    ] = None


def history_from_wire(document: object, edited: Mapping[int, str]) -> History:
    """The recorded history, newest first; entries that make no sense are left out."""
    entries = sound_entries(document, HistoryEntry)
    return History(
        revisions=tuple(
            revision
            for entry in sorted(entries, key=lambda one: one.revision, reverse=True)
            if (revision := revision_from_wire(entry, edited.get(entry.revision))) is not None
        )
    )


def revision_to_wire(revision: Revision) -> HistoryEntry:
    """The wire form of a revision."""
    return HistoryEntry(
        revision=revision.number,
        repository=revision.pin.spelling,
        tag=revision.pin.tag,
        digest=str(revision.pin.digest),
        action=revision.action,
        deploy_time=revision.deploy_time,
        ready_time=revision.ready_time,
        supersede_time=revision.supersede_time,
        digest_missing_time=revision.digest_missing_time,
        result=revision.result,
        generation=revision.cause.generation,
        change_cause=revision.cause.change_cause,
        actor=revision.cause.actor,
    )


def revision_from_wire(entry: HistoryEntry, edited_by: str | None) -> Revision | None:
    """A recorded revision; None when its pair makes no sense.

    Of what many entries have in common there is one text: a fleet keeps all of them.
    """
    try:
        pin = Pin.declare(repository=entry.repository, tag=entry.tag, digest=entry.digest)
    except CoreError:
        return None
    return Revision(
        number=entry.revision,
        pin=pin,
        action=entry.action,
        result=entry.result,
        cause=Cause(
            generation=entry.generation or 0,
            actor=sys.intern(entry.actor) if entry.actor is not None else None,
            change_cause=entry.change_cause,
        ),
        deploy_time=_in_utc(entry.deploy_time),
        ready_time=_if_known(entry.ready_time),
        supersede_time=_if_known(entry.supersede_time),
        digest_missing_time=_if_known(entry.digest_missing_time),
        edited_by=edited_by,
    )


def _if_known(time: datetime | None) -> datetime | None:
    return _in_utc(time) if time is not None else None


def _in_utc(time: datetime) -> datetime:
    """The same time, without a zone object of its own."""
    return time.astimezone(UTC)


def gap_to_wire(gap: Gap) -> GapEntry:
    """The wire form of a gap."""
    return GapEntry(start_time=gap.start, end_time=gap.end, actor=gap.actor)


def gap_from_wire(entry: GapEntry) -> Gap:
    """A recorded gap."""
    return Gap(start=entry.start_time, end=entry.end_time, actor=entry.actor or "unknown")
