"""Files of people that a command changes: shown as a diff, stored in one step."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from pinnedrelease.cli.output import out
from pinnedrelease.cli.text_files import write_text

_LINE_ENDS = "\r\n"


def show_diff(before: str, after: str, path: Path) -> None:
    """What changes, as ``diff -u`` shows it."""
    lines = difflib.unified_diff(_lines(before), _lines(after), str(path), str(path), n=1)
    out("".join(f"{line.rstrip(_LINE_ENDS)}\n" for line in lines))


def _lines(text: str) -> list[str]:
    """As Git and ``diff`` count them: other marks that Python takes for line ends are none."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def store(path: Path, before: str, after: str, *, dry_run: bool) -> None:
    """Write the new text, unless nothing has changed or nothing is to be changed."""
    if before != after and not dry_run:
        write_text(path, after)
