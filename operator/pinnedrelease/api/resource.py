"""A PinnedRelease as it comes from an API server: raw JSON in, core values out, or an error."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from pinnedrelease.api import names
from pinnedrelease.api.convert import desired_from_wire, status_from_wire
from pinnedrelease.api.errors import NotAResource
from pinnedrelease.api.managed_fields import (
    ManagedFieldsEntry,
    edited_revisions,
    owner_of,
    without_edits,
)
from pinnedrelease.api.spec import PinnedReleaseSpec
from pinnedrelease.core.observed import InvalidSpec, Release
from pinnedrelease.core.pin import DesiredPin

PROBLEMS_SHOWN = 5


class Metadata(BaseModel):
    """The part of metadata that a pass needs."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")

    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int = 0
    creation_timestamp: AwareDatetime
    deletion_timestamp: AwareDatetime | None = None
    annotations: dict[str, str] = {}
    managed_fields: list[ManagedFieldsEntry] = []


def decode_release(document: Mapping[str, object]) -> Release:
    """Read a PinnedRelease. Raises NotAResource when the metadata is unusable.

    A spec that breaks a rule is no error here: it is a fact about the object, kept as
    :class:`InvalidSpec`, because such an object needs a status and must not be written for.
    """
    try:
        metadata = Metadata.model_validate(document.get("metadata"))
    except ValidationError as error:
        raise NotAResource("; ".join(_problems(error, "metadata"))) from error
    requested_at = metadata.annotations.get(names.REQUESTED_AT)
    return Release(
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        resource_version=metadata.resource_version,
        generation=metadata.generation,
        created_at=metadata.creation_timestamp,
        deleting=metadata.deletion_timestamp is not None,
        spec=decode_spec(document.get("spec")),
        status=status_from_wire(
            without_edits(document.get("status"), metadata.managed_fields),
            edited_revisions(metadata.managed_fields),
        ),
        changed_by=owner_of(metadata.managed_fields, "f:digest"),
        overridden_by=owner_of(metadata.managed_fields, "f:override"),
        vouched_digest=metadata.annotations.get(names.VOUCHED_DIGEST),
        requested_at=requested_at[:128] if requested_at else None,
    )


def decode_spec(document: object) -> DesiredPin | InvalidSpec:
    """Read a spec, or say field by field what is wrong with it."""
    try:
        spec = PinnedReleaseSpec.model_validate(document)
    except ValidationError as error:
        return InvalidSpec(problems=_problems(error, "spec"))
    return desired_from_wire(spec)


def _problems(error: ValidationError, root: str) -> tuple[str, ...]:
    """One text per wrong field: its path and what is wrong, without the value's full length."""
    details = error.errors(include_url=False, include_context=False)
    return tuple(
        f"{'.'.join(str(part) for part in (root, *detail['loc']))}: "
        f"{detail['msg'].removeprefix('Value error, ')}"
        for detail in details[:PROBLEMS_SHOWN]
    )
