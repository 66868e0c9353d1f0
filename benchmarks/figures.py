"""What a run has found: figures beside their references, targets and verdicts."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value.

    With a reference the ratio of the two is judged, else the value itself; without a target it is
    only told.
    """

    name: str
    value: float
    unit: str
    reference: float | None = None
    reference_name: str = ""
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Value against reference."""
        return self.value / self.reference if self.reference else None

    @property
    def judged(self) -> float:
        """What the target is about."""
        return self.value if self.ratio is None else self.ratio

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.at_most is not None:
            return self.judged <= self.at_most
        if self.at_least is not None:
            return self.judged >= self.at_least
        return None

    @property
    def target(self) -> str:
        """The target in words."""
        if self.at_most is not None:
            return f"<= {self.at_most:g}"
        return f">= {self.at_least:g}" if self.at_least is not None else ""


WIDE = 2.5
"""So far from its target a figure may be on a machine that does other things as well."""


def is_far_off(figure: Figure) -> bool:
    """Whether a missed target is no matter of noise. Where nothing is allowed, anything is."""
    if figure.is_met is not False:
        return False
    if figure.at_most is not None:
        return figure.judged > figure.at_most * WIDE
    return figure.at_least is not None and figure.judged < figure.at_least / WIDE


_VERDICTS = {True: "met", False: "MISSED", None: ""}


def table(figures: Iterable[Figure]) -> str:
    """The figures for people."""
    rows = [("figure", "value", "reference", "ratio", "target", "")]
    rows += [
        (
            one.name,
            f"{one.value:.4g} {one.unit}",
            f"{one.reference:.4g} {one.unit} ({one.reference_name})" if one.reference else "",
            f"{one.ratio:.2f}" if one.ratio is not None else "",
            one.target,
            " ".join(part for part in (_VERDICTS[one.is_met], one.note) if part),
        )
        for one in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def to_json(figures: Sequence[Figure]) -> str:
    """The figures for programs, with the machine that they come from."""
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    found = [
        {**asdict(one), "ratio": one.ratio, "target": one.target, "met": one.is_met}
        for one in figures
    ]
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return json.dumps({"at": at, "machine": machine, "figures": found}, indent=1) + "\n"


def write(figures: Sequence[Figure], folder: Path) -> None:
    """Leave the JSON and the plot of a run in a folder."""
    # Only here: drawing is of no use to a section that measures.
    from benchmarks.plot import draw  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "figures.json").write_text(to_json(figures))
    draw(figures, folder / "figures.svg")
