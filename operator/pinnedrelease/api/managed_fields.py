"""Who wrote which field, as the API server itself keeps it (managedFields, FieldsV1)."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from pinnedrelease.core.gitops_tools import gitops_tool
from pinnedrelease.core.marks import FIELD_MANAGER

ACTOR_LIMIT = 128
DECISIVE = frozenset({"containers", "proof", "failedGeneration", "endedOverride"})
"""Fields of the status from which the next pass draws conclusions; the history has its own rule."""


class ManagedFieldsEntry(BaseModel):
    """One entry of managedFields, as far as it is needed to name who declared a digest."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")

    manager: str = ""
    subresource: str = ""
    time: AwareDatetime | None = None
    fields_v1: Annotated[dict[str, object], Field(alias="fieldsV1")] = {}


def owner_of(entries: list[ManagedFieldsEntry], field: str) -> str | None:
    """Who owns a field of the spec; of several the one that wrote last."""
    owners = [entry for entry in entries if not entry.subresource and _owns(entry, field)]
    if not owners:
        return None
    newest = max(owners, key=lambda entry: entry.time.timestamp() if entry.time else 0.0)
    tool = gitops_tool(newest.manager)
    return (tool.name if tool else newest.manager)[:ACTOR_LIMIT] or None


def edited_revisions(entries: list[ManagedFieldsEntry]) -> dict[int, str]:
    """Revisions of the history that somebody else than the operator has written."""
    edited: dict[int, str] = {}
    for entry in entries:
        if entry.subresource == "status" and entry.manager != FIELD_MANAGER:
            manager = entry.manager[:ACTOR_LIMIT] or "unknown"
            edited |= dict.fromkeys(_revisions(entry), manager)
    return edited


def without_edits(status: object, entries: list[ManagedFieldsEntry]) -> object:
    """The status without those fields that decide something and that somebody else has written.

    A status reports; what a person corrects in it must not choose what runs. Writers choose the
    name of their field manager themselves: against those who lie there is ``admission/own-status``.
    """
    foreign = {
        field.removeprefix("f:")
        for entry in entries
        if entry.subresource == "status" and entry.manager != FIELD_MANAGER
        for field in _fields(entry.fields_v1.get("f:status"))
    }
    if not isinstance(status, dict) or not foreign & DECISIVE:
        return status
    return {name: value for name, value in status.items() if name not in foreign & DECISIVE}


def _fields(owned: object) -> list[str]:
    return list(owned) if isinstance(owned, dict) else []


def _owns(entry: ManagedFieldsEntry, field: str) -> bool:
    spec = entry.fields_v1.get("f:spec")
    return isinstance(spec, dict) and field in spec


def _revisions(entry: ManagedFieldsEntry) -> list[int]:
    status = entry.fields_v1.get("f:status")
    history = status.get("f:history") if isinstance(status, dict) else None
    if not isinstance(history, dict):
        return []
    numbers = (_number(key) for key in history)
    return [number for number in numbers if number is not None]


def _number(key: object) -> int | None:
    """The number in a list key such as ``k:{"revision":7}``."""
    if not isinstance(key, str) or not key.startswith("k:"):
        return None
    try:
        values = json.loads(key.removeprefix("k:"))
    except json.JSONDecodeError:
        return None
    number = values.get("revision") if isinstance(values, dict) else None
    return number if isinstance(number, int) else None
