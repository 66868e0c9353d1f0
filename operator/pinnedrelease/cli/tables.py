"""Plain tables as kubectl prints them: no borders, columns as wide as they must be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

GAP = 3
_DAY_S, _HOUR_S, _MINUTE_S = 86_400, 3_600, 60


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, with_header: bool = True) -> str:
    """Lines with a newline at the end. An empty cell is shown as ``-``; a cell is one line."""
    lines = [list(header)] if with_header else []
    lines += [[" ".join(cell.split()) or "-" for cell in row] for row in rows]
    widths = (
        [max(len(line[column]) for line in lines) for column in range(len(header))]
        if (lines)
        else []
    )
    return "".join(
        "".join(cell.ljust(width + GAP) for cell, width in zip(line, widths, strict=True)).rstrip()
        + "\n"
        for line in lines
    )


def time_text(time: datetime | None, *, absent: str = "") -> str:
    """A time as the API writes it: UTC, seconds, Z."""
    return f"{time:%Y-%m-%dT%H:%M:%SZ}" if time is not None else absent


def age_text(since: datetime, now: datetime) -> str:
    """How long ago, as kubectl shows ages: ``45s``, ``12m``, ``5h``, ``3d``."""
    seconds = max(0, int((now - since).total_seconds()))
    for size, unit in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "m")):
        if seconds >= size * 2:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
