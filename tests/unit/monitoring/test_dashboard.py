"""Grafana's dashboard: its structure, and that each query asks for what is exposed."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

import promql

DASHBOARD: dict[str, Any] = json.loads(
    (
        Path(__file__).parents[3] / "manifests" / "components" / "grafana" / "pinnedrelease.json"
    ).read_text()
)
PANELS: list[dict[str, Any]] = [one for one in DASHBOARD["panels"] if one["type"] != "row"]
TARGETS = [(panel, target) for panel in PANELS for target in panel["targets"]]
each_panel = pytest.mark.parametrize("panel", PANELS, ids=[one["title"] for one in PANELS])
each_target = pytest.mark.parametrize(
    ("panel", "target"), TARGETS, ids=[f"{one['title']} {two['refId']}" for one, two in TARGETS]
)
COLUMNS = 24


@each_target
def test_a_query_asks_for_what_is_exposed(panel: dict[str, Any], target: dict[str, Any]) -> None:
    assert promql.problems(target["expr"]) == [], panel["title"]


@each_target
def test_a_legend_shows_labels_that_the_query_keeps(
    panel: dict[str, Any], target: dict[str, Any]
) -> None:
    shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
    kept = promql.grouped_by(target["expr"]) or promql.TARGET_LABELS

    assert shown <= kept, panel["title"]


@each_panel
def test_a_panel_says_what_it_shows_and_asks_the_chosen_prometheus(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"]
    assert panel["datasource"]["uid"] == "${datasource}"
    assert {one["datasource"]["uid"] for one in panel["targets"]} == {"${datasource}"}
    references = [one["refId"] for one in panel["targets"]]
    assert len(set(references)) == len(references) > 0


def test_panels_have_numbers_of_their_own_and_places_beside_each_other() -> None:
    panels = DASHBOARD["panels"]
    assert len({one["id"] for one in panels}) == len(panels)
    for one in panels:
        assert one["gridPos"]["x"] + one["gridPos"]["w"] <= COLUMNS
    for one, two in combinations(panels, 2):
        assert not overlap(one["gridPos"], two["gridPos"]), (one["title"], two["title"])


def overlap(one: dict[str, int], two: dict[str, int]) -> bool:
    return (
        one["x"] < two["x"] + two["w"]
        and two["x"] < one["x"] + one["w"]
        and one["y"] < two["y"] + two["h"]
        and two["y"] < one["y"] + one["h"]
    )


def test_each_variable_is_declared_and_used() -> None:
    declared = {one["name"] for one in DASHBOARD["templating"]["list"]}
    text = json.dumps(DASHBOARD["panels"])
    used = set(re.findall(r"\$\{?([a-z]\w*)", text))

    assert used == declared == {"datasource", "namespace", "name"}
    for one in DASHBOARD["templating"]["list"]:
        if one["type"] == "query":
            query = one["query"]["query"]
            label = query.rpartition(",")[2].strip(" )")
            assert promql.problems(query) == []
            assert label in promql.selectors(query)[0].labels


def test_it_answers_what_is_pinned_since_when_who_drifts_and_how_registries_do() -> None:
    shown = {(one["type"], one["title"]) for one in PANELS}

    assert {
        ("table", "Each PinnedRelease"),
        ("state-timeline", "Digests in force"),
        ("timeseries", "Drift by actor"),
        ("timeseries", "Requests by outcome"),
    } <= shown
    assert DASHBOARD["uid"] == "pinnedrelease"
    assert "id" not in DASHBOARD, "an id is of one Grafana only"
