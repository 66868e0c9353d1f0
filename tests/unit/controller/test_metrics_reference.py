"""The reference of metrics is made from the code."""

from __future__ import annotations

from pathlib import Path

from pinnedrelease.controller.metric_families import FAMILIES
from pinnedrelease.controller.metrics_reference import render_reference

REFERENCE = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_the_reference_is_up_to_date() -> None:
    assert REFERENCE.read_text() == render_reference(), "run make metrics-reference"


def test_the_reference_names_every_family_once() -> None:
    rows = [line for line in REFERENCE.read_text().splitlines() if line.startswith("| `")]

    assert len(rows) == len(FAMILIES)
    assert {row.split("`")[1].split("{")[0] for row in rows} == {one.name for one in FAMILIES}
