"""Reads CHANGELOG.md; prints the part of one version, which becomes the notes of its release.

Source: Keep a Changelog 1.1.0, "Guiding Principles"; Semantic Versioning 2.0.0.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

CHANGELOG = Path(__file__).parent.parent / "CHANGELOG.md"
UNRELEASED = "Unreleased"
KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
HEADING = re.compile(
    r"## (?:Unreleased|(?P<version>\d+\.\d+\.\d+(?:-[0-9A-Za-z.]+)?) - (?P<date>\S+))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The changes of one version."""

    name: str
    released: date | None
    """None: not yet."""
    body: str
    """Markdown, without the heading."""


def versions(text: str) -> list[Version]:
    """The versions of a changelog, newest first. Raises ValueError for one that is malformed."""
    head, *parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    if not head.startswith("# Changelog\n"):
        raise ValueError("it does not begin with # Changelog")
    found = [_version(part) for part in parts]
    names = [one.name for one in found]
    if len(set(names)) != len(names) or UNRELEASED in names[1:]:
        raise ValueError(f"versions are doubled, or Unreleased is not the first: {names}")
    dates = [one.released for one in found if one.released is not None]
    if dates != sorted(dates, reverse=True):
        raise ValueError("the newest version is not the first")
    return found


def notes(text: str, version: str) -> str:
    """What changed in a version. Raises ValueError when it has no part of its own."""
    for one in versions(text):
        if one.name == version:
            return one.body
    raise ValueError(f"CHANGELOG.md has no part '## {version} - DATE'")


def _version(part: str) -> Version:
    heading, _, body = part.partition("\n")
    found = HEADING.fullmatch(heading)
    if found is None:
        raise ValueError(f"{heading!r} is neither '## Unreleased' nor '## 1.2.3 - 2026-01-31'")
    problems = list(_problems(body))
    if problems:
        raise ValueError(f"{heading}: {'; '.join(problems)}")
    released = date.fromisoformat(found["date"]) if found["date"] else None
    return Version(name=found["version"] or UNRELEASED, released=released, body=body.strip() + "\n")


def _problems(body: str) -> Iterator[str]:
    seen: list[str] = []
    for section in re.split(r"^(?=### )", body, flags=re.MULTILINE):
        heading, *lines = section.strip("\n").split("\n")
        if not section.strip():
            continue
        kind = heading.removeprefix("### ")
        if kind not in KINDS:
            yield f"{heading!r} is none of {', '.join(KINDS)}"
        if kind in seen:
            yield f"{kind} stands there twice"
        seen.append(kind)
        if not any(line.startswith("- ") for line in lines):
            yield f"{kind} has no entry"
        yield from (
            f"{line!r} is no entry" for line in lines if line and line[:2] not in ("- ", "  ")
        )


def main(arguments: list[str]) -> int:
    """Print the notes of a version. 1: there are none."""
    (version,) = arguments
    try:
        sys.stdout.write(notes(CHANGELOG.read_text(), version))
    except ValueError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
