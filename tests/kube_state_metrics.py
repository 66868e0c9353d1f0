"""What kube-state-metrics makes of an object with our configuration, as its documentation says.

Its own program cannot be had here as a Go module. The rules that our configuration uses are few:
https://github.com/kubernetes/kube-state-metrics/blob/main/docs/metrics/extend/customresourcestate-metrics.md
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

CONFIGURATION: dict[str, Any] = yaml.safe_load(
    (
        Path(__file__).parents[1]
        / "integrations"
        / "kube-state-metrics"
        / "custom-resource-state.yaml"
    ).read_text()
)
RESOURCE: dict[str, Any] = CONFIGURATION["spec"]["resources"][0]
Sample = tuple[str, dict[str, str], float]


def samples(document: dict[str, Any]) -> Iterator[Sample]:
    """All samples of one object."""
    for metric in RESOURCE["metrics"]:
        each = metric["each"]
        rule = each[each["type"].lower()]
        name = f"{RESOURCE['metricNamePrefix']}_{metric['name']}"
        found = at(document, rule.get("path", []))
        for one in found if isinstance(found, list) else [found]:
            value = 1.0 if each["type"] == "Info" else _number(one, rule)
            if value is not None:
                common = _labels(document, RESOURCE["labelsFromPath"])
                yield name, common | _labels(one, rule.get("labelsFromPath", {})), value


def paths() -> Iterator[tuple[str, ...]]:
    """Every path into the object, from its root."""
    yield from map(tuple, RESOURCE["labelsFromPath"].values())
    for metric in RESOURCE["metrics"]:
        rule = metric["each"][metric["each"]["type"].lower()]
        base = rule.get("path", [])
        inner = list(rule.get("labelsFromPath", {}).values())
        inner += [rule.get("valueFrom", [])] if metric["each"]["type"] == "Gauge" else []
        yield from ((*base, *one) for one in inner)


def at(value: Any, path: list[str]) -> Any:
    """What a path leads to, or None."""
    for part in path:
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def _labels(value: Any, wanted: dict[str, list[str]]) -> dict[str, str]:
    found = {label: at(value, path) for label, path in wanted.items()}
    return {label: str(text) for label, text in found.items() if text is not None}


def _number(value: Any, rule: dict[str, Any]) -> float | None:
    found = at(value, rule.get("valueFrom", []))
    if found is None:
        return 0.0 if rule.get("nilIsZero") else None
    if not isinstance(found, str):
        return float(found)
    words = {"true": 1.0, "false": 0.0, "unknown": 0.0}
    if found.lower() in words:
        return words[found.lower()]
    return datetime.fromisoformat(found).timestamp()
