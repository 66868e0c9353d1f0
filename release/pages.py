"""Reads Markdown pages: fenced blocks, links, anchors. For the site and for the tests of pages."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,}|~{3,})(?P<info>.*)$")
COMMENT = re.compile(r"^ *<!--(?P<text>.*)--> *$")
HEADING = re.compile(r"^#{1,6} +(?P<title>.+?) *#* *$")
LINK = re.compile(r"(?P<before>\]\()(?P<target>[^()\s]+)(?P<after>(?:\s+\"[^\"]*\")?\))")
CODE_SPAN = re.compile(r"(`+)(?P<text>.+?)\1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block."""

    line: int
    """Of the opening fence, from 1."""

    language: str
    marks: tuple[str, ...]
    """The other words of the fence, for example ``runnable``."""

    text: str
    comment: str
    """The HTML comment in the line before the fence; empty without one."""


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page, in order. An open fence ends with the page."""
    lines = page.splitlines()
    number = 0
    comment = ""
    while number < len(lines):
        opening = FENCE.match(lines[number])
        if opening is None:
            found = COMMENT.match(lines[number])
            comment = found["text"].strip() if found else ""
            number += 1
            continue
        end = _end(lines, number, opening["ticks"])
        words = opening["info"].split()
        yield Block(
            line=number + 1,
            language=words[0] if words else "",
            marks=tuple(words[1:]),
            text=textwrap.dedent("\n".join([*lines[number + 1 : end], ""])),
            comment=comment,
        )
        comment = ""
        number = end + 1


def prose(page: str) -> str:
    """The page with empty lines in the place of its fenced blocks."""
    lines = page.split("\n")
    number = 0
    while number < len(lines):
        opening = FENCE.match(lines[number])
        end = number if opening is None else _end(lines, number, opening["ticks"])
        if opening is not None:
            lines[number : end + 1] = [""] * (min(end, len(lines) - 1) + 1 - number)
        number = end + 1
    return "\n".join(lines)


def links(page: str) -> Iterator[str]:
    """Where the inline links and images of a page point; what stands in code is no link."""
    for found in LINK.finditer(CODE_SPAN.sub("", prose(page))):
        yield found["target"]


def code_spans(page: str) -> Iterator[str]:
    """The inline code of a page."""
    for found in CODE_SPAN.finditer(prose(page)):
        yield found["text"].replace("\\|", "|").strip()


def anchors(page: str) -> set[str]:
    """The anchors that GitHub, and the site in the same way, give to the headings of a page."""
    found: set[str] = set()
    for line in prose(page).splitlines():
        heading = HEADING.match(line)
        if heading is None:
            continue
        slug = name = _slug(heading["title"])
        number = 0
        while name in found:
            number += 1
            name = f"{slug}-{number}"
        found.add(name)
    return found


def _slug(title: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
    return re.sub(r"[^\w\- ]", "", text).strip().replace(" ", "-")


def _end(lines: list[str], start: int, ticks: str) -> int:
    """The line of the fence that closes this one, or the number of lines."""
    for number in range(start + 1, len(lines)):
        text = lines[number].strip()
        if text.startswith(ticks) and not text.strip(ticks[0]):
            return number
    return len(lines)
