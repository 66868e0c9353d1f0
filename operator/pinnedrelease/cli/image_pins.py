"""What is to be written in the place of an image, or why nothing can be. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from pinnedrelease.cli.image_places import ImagePlace
from pinnedrelease.cli.pairs import Declared
from pinnedrelease.core.digest import Digest
from pinnedrelease.core.errors import CoreError
from pinnedrelease.core.reference import ImageReference, parse_reference

_VARIABLE = re.compile(r"\$\{|\$[A-Za-z_]|\{\{")
_ESCAPED = "$$"


class Problem(StrEnum):
    """Why an image is not as it should be."""

    VARIABLE = "has a variable, which is not guessed"
    UNREADABLE = "is no image reference"
    UNPINNED = "has no digest"
    DIFFERENT = "has another digest than declared"
    MISSING = "has a digest that the registry has not got"
    NO_SOURCE = "has no digest, and no source knows its repository"
    AMBIGUOUS = "has several pairs among the sources, none with its tag"
    NO_TAG = "has no tag to look up"
    ELSEWHERE = "is another file, which the image comes from; name that file, too"
    EXTENDED = (
        "is another file, which the image comes from; name that file, too (no override reaches it)"
    )
    NO_SUCH_TAG = "has a tag that the registry has not got"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that can be pinned."""

    place: ImagePlace
    reference: ImageReference
    spelling: str
    """The repository as it stands in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An image with its problem."""

    place: ImagePlace
    problem: Problem
    wanted: str = ""
    """What should stand there, where that is known."""


def read_image(place: ImagePlace) -> Image | Trouble:
    """Take an image text apart."""
    if place.is_elsewhere:
        problem = Problem.EXTENDED if place.service else Problem.ELSEWHERE
        return Trouble(place=place, problem=problem)
    text = place.text
    if _VARIABLE.search(text.replace(_ESCAPED, "")):
        return Trouble(place=place, problem=Problem.VARIABLE)
    try:
        reference = parse_reference(text)
    except CoreError:
        return Trouble(place=place, problem=Problem.UNREADABLE)
    spelling = text.partition("@")[0]
    if reference.tag is not None:
        spelling = spelling.removesuffix(f":{reference.tag}")
    return Image(place=place, reference=reference, spelling=spelling)


def from_sources(image: Image, sources: tuple[Declared, ...]) -> str | Problem | None:
    """The text by the sources; None when none of them knows the repository.

    One pair of the repository counts whatever its tag: that is a promotion. Of several the one
    with the image's own tag counts.
    """
    known = {
        (one.pin.tag, one.pin.digest): one.pin
        for one in sources
        if one.pin.repository == image.reference.repository
    }
    if not known:
        return None
    pins = list(known.values())
    if len(pins) > 1:
        pins = [one for one in pins if one.tag == image.reference.tag]
    if len(pins) != 1:
        return Problem.AMBIGUOUS
    return pinned_text(image, pins[0].tag, pins[0].digest.digest)


def pinned_text(image: Image, tag: str | None, digest: Digest) -> str:
    """``repository:tag@digest``, the repository as it was spelled."""
    return f"{image.spelling}{f':{tag}' if tag else ''}@{digest}"


def is_same(image: Image, text: str) -> bool:
    """Whether an image names the content of a text already."""
    return image.reference.digest == parse_reference(text).digest
