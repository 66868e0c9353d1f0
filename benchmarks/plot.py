"""The plot of a run: how each judged figure stands to its target."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure as Canvas

from benchmarks.figures import Figure, Verdict

ROW_INCHES = 0.32
COLOURS = {Verdict.MET: "#2b7a4b", Verdict.ARGUED: "#b26a00", Verdict.MISSED: "#b3261e"}
FLOOR = 0.01
"""Nothing is drawn shorter: a zero has no place on a logarithmic axis."""


def draw(figures: Sequence[Figure], path: Path) -> None:
    """One bar for each figure with a target: 1.0 is the target, less is better."""
    shown = [(one, share) for one in figures if (share := _share(one)) is not None]
    canvas = Canvas(figsize=(9, 1.2 + ROW_INCHES * len(shown)), layout="constrained")
    axes = canvas.subplots()
    names = [one.full_name for one, _ in shown]
    shares = [max(share, FLOOR) for _, share in shown]
    colours = [COLOURS[one.verdict] for one, _ in shown if one.verdict]
    bars = axes.barh(names, shares, color=colours)
    axes.bar_label(bars, [f" {one.judged:.3g} ({one.target})" for one, _ in shown], fontsize=8)
    axes.axvline(1.0, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlim(FLOOR, max([*shares, 1.0]) * 4)
    axes.invert_yaxis()
    axes.set_xlabel("share of what the target allows (1 = the target; shorter is better)")
    axes.tick_params(axis="y", labelsize=8)
    canvas.savefig(path)


def _share(figure: Figure) -> float | None:
    if figure.at_most is not None:
        # Where nothing at all is allowed, one is already too much.
        return figure.judged / figure.at_most if figure.at_most else 1 + figure.judged
    if figure.at_least is not None and figure.judged:
        return figure.at_least / figure.judged
    return None
