"""Alerts name what is exposed, and each has its page. That they fire is promtool's to say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import promql
from pinnedrelease.controller.metric_families import FAMILIES

ROOT = Path(__file__).parents[3]
RULES = ROOT / "manifests" / "components" / "prometheus-operator" / "prometheus-rule.yaml"
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
CASES = (ROOT / "tests" / "promtool" / "alerts.yaml").read_text()
ALERTS: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(RULES.read_text())["spec"]["groups"] for rule in group["rules"]
]
each_alert = pytest.mark.parametrize("alert", ALERTS, ids=[one["alert"] for one in ALERTS])


@each_alert
def test_an_alert_asks_for_what_is_exposed(alert: dict[str, Any]) -> None:
    assert promql.problems(alert["expr"]) == []


@each_alert
def test_an_alert_says_only_what_its_series_have(alert: dict[str, Any]) -> None:
    words = " ".join(alert["annotations"].values())
    used = set(re.findall(r"\$labels\.(\w+)", words))

    assert used <= promql.grouped_by(alert["expr"])
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}


@each_alert
def test_an_alert_has_its_section_in_the_runbook(alert: dict[str, Any]) -> None:
    """mkdocs makes the anchor of a heading of one word by writing it in lower case."""
    page, anchor = alert["annotations"]["runbook_url"].split("#")

    assert page == "https://pinnedrelease.dev/runbook/"
    assert anchor == alert["alert"].lower()
    assert f"\n### {alert['alert']}\n" in RUNBOOK


@each_alert
def test_an_alert_is_seen_to_fire_by_promtool(alert: dict[str, Any]) -> None:
    fires = f'alertname="{alert["alert"]}", alertstate="firing"'
    is_told = f"alertname: {alert['alert']}\n"

    assert fires in CASES or is_told in CASES


def test_the_runbook_has_no_section_without_an_alert() -> None:
    sections = re.findall(r"^### (\S+)$", RUNBOOK, re.MULTILINE)

    assert sorted(sections) == sorted(one["alert"] for one in ALERTS)


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("pinnedrelease_conditions", "no metric pinnedrelease_conditions"),
        ("pinnedrelease_drift{kind='x'}", None),
        ('pinnedrelease_drift{kind="Template"}', "pinnedrelease_drift has no label kind"),
        ('pinnedrelease_condition{type="Redy"}', "type is never Redy"),
        ('pinnedrelease_condition{reason=~"Drifted|Gone"}', "reason is never Gone"),
        ("sum by (host) (pinnedrelease_drift)", "nothing has the label host"),
        ("vector(1)", "names no metric of ours"),
    ],
)
def test_a_query_that_asks_for_something_else_is_found_out(query: str, problem: str | None) -> None:
    assert promql.problems(query) == ([problem] if problem else [])


def test_the_patch_that_the_docs_show_meets_the_alert_that_it_names() -> None:
    shown = (ROOT / "docs" / "how-to" / "monitoring.md").read_text()
    found = re.search(r"path: /spec/groups/0/rules/(\d+)/alert, value: (\w+)\}", shown)

    assert found is not None
    first_group = yaml.safe_load(RULES.read_text())["spec"]["groups"][0]["rules"]
    assert first_group[int(found[1])]["alert"] == found[2]


@pytest.mark.parametrize("page", ["how-to/monitoring.md", "runbook.md"])
def test_pages_name_metrics_that_exist(page: str) -> None:
    named = promql.selectors((ROOT / "docs" / page).read_text())
    families = {one.name for one in FAMILIES}

    assert named
    assert [one.metric for one in named if one.metric not in families and not one.family] == []
