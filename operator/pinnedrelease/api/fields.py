"""Annotated types for the fields that people write: one rule, one message, one place each.

A rule stands twice on purpose: as CEL for the API server, with a message that says what to write,
and as a validator for objects that were stored before the rule existed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from typing import Annotated

import durationpy
from pydantic import AfterValidator, Field, StringConstraints
from pydantic.config import JsonDict

from pinnedrelease.core.digest import DECLARED_DIGEST_PATTERN, DeclaredDigest
from pinnedrelease.core.errors import CoreError
from pinnedrelease.core.reference import TAG_PATTERN, is_tag, parse_repository

CAUSE_LIMIT = 1024
"""Of a text that becomes the cause of a history entry."""
DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
LABEL_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"

_PATH_COMPONENT = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9.-]*[a-zA-Z0-9]|\[[a-fA-F0-9:]+\])(:[0-9]+)?"
REPOSITORY_PATTERN = rf"^({_HOST}/)?{_PATH_COMPONENT}(/{_PATH_COMPONENT})*$"

DIGEST_MESSAGE = (
    'must be "sha256:" and 64 lower-case hexadecimal digits, as printed by '
    '"docker buildx imagetools inspect", "crane digest" or the push itself'
)
TAG_MESSAGE = (
    'must be an image tag in quotes, for example "1.4.2": letters, digits, "_", "." and "-", '
    "at most 128"
)
REPOSITORY_MESSAGE = (
    "must be an image name without a tag, for example ghcr.io/acme/web; the tag goes to spec.tag"
)
REPOSITORY_DIGEST_MESSAGE = "must not contain a digest; the digest goes to spec.digest"


def rules(*pairs: tuple[str, str]) -> JsonDict:
    """CEL rules, each with its message, in the order in which the API server reports them."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": text} for rule, text in pairs]}


def _checked(check: Callable[[str], object]) -> AfterValidator:
    """A validator that reports a core error as a field error."""

    def validate(text: str) -> str:
        try:
            check(text)
        except CoreError as error:
            raise ValueError(str(error)) from error
        return text

    return AfterValidator(validate)


def _check_tag(text: str) -> str:
    if not is_tag(text):
        raise ValueError(TAG_MESSAGE)
    return text


@lru_cache(maxsize=256)
def parse_duration(text: str) -> timedelta:
    """Read a Go duration such as ``10m`` or ``1h30m``. Raises ValueError."""
    try:
        return durationpy.from_str(text)
    except durationpy.DurationError as error:
        message = f'must be a duration such as "10m" or "1h30m", not "{text[:32]}"'
        raise ValueError(message) from error


Repository = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255),
    _checked(parse_repository),
    Field(
        description="Image name without tag or digest.",
        examples=["registry.example.com/my-api"],
        json_schema_extra=rules(
            ("!self.contains('@')", REPOSITORY_DIGEST_MESSAGE),
            (
                f"self.contains('@') || self.matches(r'{REPOSITORY_PATTERN}')",
                REPOSITORY_MESSAGE,
            ),
        ),
    ),
]
Tag = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128),
    AfterValidator(_check_tag),
    Field(
        description=(
            "The tag for people, in quotes: letters, digits, underscore, dot and hyphen. It is "
            "shown everywhere and never decides what runs."
        ),
        examples=["1.4.2"],
        # A pattern and no CEL rule: CEL fails on a stored tag that is a number (`tag: 1.10`
        # without quotes), and then the API server would refuse every write of our status.
        json_schema_extra={"pattern": TAG_PATTERN},
    ),
]
Digest = Annotated[
    str,
    StringConstraints(min_length=1, max_length=256),
    _checked(DeclaredDigest.parse),
    Field(
        description=(
            "The authority: the digest that must run. For a multi-platform image this is the "
            "digest of the index."
        ),
        examples=["sha256:3f29a8c1d8e2b4f6a9c7d5e8b1f3a6c9d2e5f8b1a4c7d0e3f6a9c2d5e8b1f4a7"],
        json_schema_extra=rules((f"self.matches(r'{DECLARED_DIGEST_PATTERN}')", DIGEST_MESSAGE)),
    ),
]
SHORTEST_MESSAGE = "must be at least 1s"


def _check_duration(text: str) -> str:
    if parse_duration(text) < timedelta(seconds=1):
        raise ValueError(SHORTEST_MESSAGE)
    return text


Duration = Annotated[
    str,
    StringConstraints(max_length=32, pattern=DURATION_PATTERN),
    AfterValidator(_check_duration),
    Field(json_schema_extra=rules(("duration(self) >= duration('1s')", SHORTEST_MESSAGE))),
]
ObjectName = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=NAME_PATTERN)]
ContainerName = Annotated[
    str, StringConstraints(min_length=1, max_length=63, pattern=LABEL_PATTERN)
]
Generation = Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]
DigestText = Annotated[str, Field(max_length=71)]
ActorText = Annotated[str, Field(max_length=128)]
