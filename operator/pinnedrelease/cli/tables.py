"""Plain tables as kubectl prints them: no borders, columns as wide as they must be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

GAP = 3


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines with a newline at the end. An empty cell is shown as ``-``."""
    lines = [list(header), *([cell or "-" for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "".join(
        "".join(cell.ljust(width + GAP) for cell, width in zip(line, widths, strict=True)).rstrip()
        + "\n"
        for line in lines
    )


def time_text(time: datetime | None, *, absent: str = "") -> str:
    """A time as the API writes it: UTC, seconds, Z."""
    return f"{time:%Y-%m-%dT%H:%M:%SZ}" if time is not None else absent
