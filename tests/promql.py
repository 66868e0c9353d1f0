"""Queries, taken apart far enough to compare their names and labels with what is exposed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pinnedrelease.controller.metric_families import FAMILIES, Family, MetricType
from pinnedrelease.controller.metrics import CONTROLLER
from pinnedrelease.core.conditions import ConditionStatus, ConditionType, Reason
from pinnedrelease.core.drift import DriftKind

TARGET_LABELS = frozenset({"namespace", "job", "instance"})
"""What Prometheus adds to every series that it scrapes."""
_OURS = re.compile(
    r"\b((?:pinnedrelease|controller_runtime|workqueue|leader_election|rest_client|process)_\w+)"
    r"(?:\s*\{([^}]*)\})?"
)
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_GROUPING = re.compile(r"\b(?:by|on|group_left)\s*\(([^)]*)\)")
_MADE = re.compile(r'label_replace\(.*?,\s*"(\w+)",\s*"\$1"')
_KNOWN_VALUES: dict[str, frozenset[str]] = {
    "type": frozenset(map(str, ConditionType)),
    "status": frozenset(map(str, ConditionStatus)),
    "reason": frozenset(map(str, Reason)),
    "kind": frozenset(map(str, DriftKind)),
    "controller": frozenset({CONTROLLER}),
    "outcome": frozenset({"200", "401", "404", "429", "500", "503", "timeout", "unreachable"}),
}


@dataclass(frozen=True, slots=True)
class Selector:
    """One series name with its matchers."""

    metric: str
    matchers: tuple[tuple[str, str, str], ...]

    @property
    def family(self) -> Family | None:
        for one in FAMILIES:
            suffixes = ("_bucket", "_sum", "_count") if one.type is MetricType.HISTOGRAM else ("",)
            if self.metric in {one.name + suffix for suffix in suffixes}:
                return one
        return None

    @property
    def labels(self) -> frozenset[str]:
        family = self.family
        own = family.labels if family is not None else ()
        bucket = {"le"} if self.metric.endswith("_bucket") else set()
        return TARGET_LABELS | frozenset(own) | bucket


def selectors(query: str) -> list[Selector]:
    return [
        Selector(metric=found[1], matchers=tuple(_MATCHER.findall(found[2] or "")))
        for found in _OURS.finditer(query)
    ]


def grouped_by(query: str) -> set[str]:
    """All labels that the query's aggregations and joins name, and those that it makes."""
    named = {label.strip() for found in _GROUPING.finditer(query) for label in found[1].split(",")}
    return (named | set(_MADE.findall(query))) - {""}


def problems(query: str) -> list[str]:
    """What in the query cannot be found in what is exposed."""
    found: list[str] = []
    chosen = selectors(query)
    if not chosen:
        found.append("names no metric of ours")
    for selector in chosen:
        if selector.family is None:
            found.append(f"no metric {selector.metric}")
            continue
        for label, operator, value in selector.matchers:
            if label not in selector.labels:
                found.append(f"{selector.metric} has no label {label}")
            found += [
                f"{label} is never {word}"
                for word in (value.split("|") if "~" in operator else [value])
                if not _may_be(label, operator, word)
            ]
    known = set(_MADE.findall(query)).union(*(one.labels for one in chosen))
    found += [f"nothing has the label {label}" for label in grouped_by(query) - known]
    return found


def _may_be(label: str, operator: str, word: str) -> bool:
    known = _KNOWN_VALUES.get(label)
    if known is None or word.startswith("$"):
        return True
    if "~" in operator:
        return any(re.fullmatch(word, value) for value in known)
    return word in known
