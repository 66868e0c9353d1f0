"""``spec.override`` and ``status.endedOverride``: one shape, both ways."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from pinnedrelease.api.fields import CAUSE_LIMIT, Digest, Tag, rules
from pinnedrelease.api.wire import Wire
from pinnedrelease.core.digest import DeclaredDigest
from pinnedrelease.core.errors import CoreError
from pinnedrelease.core.pin import Override

SAME_MESSAGE = "override.digest must differ from override.insteadOf"


class OverrideSpec(Wire):
    """Break-glass: run this digest instead of exactly the one that is declared now."""

    model_config = ConfigDict(
        json_schema_extra=rules(("self.digest != self.insteadOf", SAME_MESSAGE))
    )

    digest: Digest
    instead_of: Annotated[
        Digest,
        Field(
            description=(
                "The declared digest that this replaces. As soon as spec.digest is another one, "
                "the override has ended and is never obeyed again."
            )
        ),
    ]
    reason: Annotated[
        str,
        Field(
            min_length=1,
            max_length=CAUSE_LIMIT,
            description="Why, for the history and for whoever is on call next.",
            examples=["5.3.0 answers 500 at checkout"],
        ),
    ]
    tag: Annotated[
        Tag | None,
        Field(description="Tag of the digest; without it the one in the history is shown."),
    ] = None
    expire_time: Annotated[
        AwareDatetime | None,
        Field(
            description=(
                "From then on the release is stalled as an alarm. What runs stays as it is."
            )
        ),
    ] = None

    @model_validator(mode="after")
    def _differs(self) -> OverrideSpec:
        if self.digest == self.instead_of:
            raise ValueError(SAME_MESSAGE)
        return self


def override_from_wire(wire: OverrideSpec) -> Override:
    """A validated override as a core value."""
    return Override(
        digest=DeclaredDigest.parse(wire.digest),
        instead_of=DeclaredDigest.parse(wire.instead_of),
        reason=wire.reason,
        tag=wire.tag,
        expire_time=_in_utc(wire.expire_time) if wire.expire_time is not None else None,
    )


def _in_utc(time: datetime) -> datetime:
    """The same moment as everywhere else; as it is at the ends of time, where there is no other."""
    try:
        return time.astimezone(UTC)
    except OverflowError:
        return time


def recorded_override(wire: OverrideSpec | None) -> Override | None:
    """An override that a status records; None when it makes no sense."""
    try:
        return override_from_wire(wire) if wire is not None else None
    except CoreError:
        return None


def override_to_wire(override: Override) -> OverrideSpec:
    """The wire form."""
    return OverrideSpec(
        digest=str(override.digest),
        instead_of=str(override.instead_of),
        reason=override.reason,
        tag=override.tag,
        expire_time=override.expire_time,
    )
