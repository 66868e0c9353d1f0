"""What a run has found: figures beside their references, targets and verdicts."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path


class Verdict(StrEnum):
    """How a figure stands to its target."""

    MET = "met"
    ARGUED = "argued"
    MISSED = "MISSED"


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
    argued: float | None = None
    """A limit beyond the target, up to which docs/performance.md says why the target is missed."""
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
    def verdict(self) -> Verdict | None:
        """What is to be said of the target; None without one."""
        if self.is_met is None:
            return None
        if self.is_met:
            return Verdict.MET
        return Verdict.ARGUED if self._is_as_argued() else Verdict.MISSED

    def _is_as_argued(self) -> bool:
        if self.argued is None:
            return False
        if self.at_most is not None:
            return self.judged <= self.argued
        return self.judged >= self.argued

    @property
    def full_name(self) -> str:
        """The name among figures that stand beside another reference."""
        return f"{self.name} ({self.reference_name})" if self.reference_name else self.name

    @property
    def target(self) -> str:
        """The target in words."""
        if self.at_most is not None:
            return f"<= {self.at_most:g}"
        return f">= {self.at_least:g}" if self.at_least is not None else ""


WIDE = 2.5
"""So far from its target, or from what is argued, a figure may be on a machine that does other
things as well."""


def is_far_off(figure: Figure) -> bool:
    """Whether a missed target is no matter of noise. Where nothing is allowed, anything is."""
    if figure.verdict is not Verdict.MISSED:
        return False
    if figure.at_most is not None:
        return figure.judged > max(figure.at_most, figure.argued or 0.0) * WIDE
    return figure.at_least is not None and figure.judged < (figure.argued or figure.at_least) / WIDE


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
            " ".join(part for part in (_told(one), one.note) if part),
        )
        for one in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _told(figure: Figure) -> str:
    if figure.verdict is Verdict.ARGUED:
        return f"argued, to {figure.argued:g}"
    return str(figure.verdict or "")


def to_wire(figures: Iterable[Figure], commit: str, took_s: float) -> dict[str, object]:
    """A section for programs, with the commit and the machine that it comes from."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "seconds": round(took_s),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "figures": [
            {**asdict(one), "ratio": one.ratio, "target": one.target, "verdict": one.verdict}
            for one in figures
        ],
    }


def write(section: str, found: Mapping[str, object], folder: Path) -> None:
    """Put a section in its place in the folder's figures.json; others stay as they were."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "figures.json"
    sections = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**sections, section: found}, indent=1) + "\n")


def plot(figures: Sequence[Figure], folder: Path) -> None:
    """Leave the plot of a run in a folder."""
    # Only here: drawing is of no use to a section that measures.
    from benchmarks.plot import draw  # noqa: PLC0415

    draw(figures, folder / "figures.svg")
