"""What all models share."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel


class Wire(BaseModel):
    """Base of all models: camelCase outside, unknown fields of a newer server ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, extra="ignore"
    )


Entry = TypeVar("Entry", bound=Wire)


def sound_entries(document: object, model: type[Entry]) -> list[Entry]:
    """The entries of a list that make sense."""
    if not isinstance(document, list):
        return []
    sound: list[Entry] = []
    for item in document:
        try:
            sound.append(model.model_validate(item))
        except ValidationError:
            continue
    return sound
