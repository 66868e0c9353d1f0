"""Files of people that a command changes: shown as a diff, stored in one step."""

from __future__ import annotations

import difflib
from pathlib import Path

from pinnedrelease.cli.output import out
from pinnedrelease.cli.yaml_text import write_text


def show_diff(before: str, after: str, path: Path) -> None:
    """What changes, as ``diff -u`` shows it."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), str(path), str(path), n=1
    )
    out("".join(line if line.endswith("\n") else f"{line}\n" for line in lines))


def store(path: Path, before: str, after: str, *, dry_run: bool) -> None:
    """Write the new text, unless nothing has changed or nothing is to be changed."""
    if before != after and not dry_run:
        write_text(path, after)
