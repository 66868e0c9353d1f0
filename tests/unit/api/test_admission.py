"""The admission policies as they are shipped: who is let through, and which right that takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from markdown_files import ROOT
from pinnedrelease.api.admission.render import SETS, render_policies

NAME = "request.userInfo.username.endsWith(':pinnedrelease-controller')"
RIGHT = (
    f"{NAME} && authorizer.group('pinnedrelease.dev').resource('pinnedreleases')"
    ".subresource('status').namespace(request.namespace).check('patch').allowed()"
)
ROLES = (
    *sorted((ROOT / "manifests").rglob("*.yaml")),
    *sorted((ROOT / "integrations" / "helm").rglob("templates/*role*.yaml")),
)


def expressions(of: object) -> Iterator[str]:
    """Every expression in a document."""
    if isinstance(of, dict):
        found = of.get("expression")
        if isinstance(found, str):
            yield found
        of = list(of.values())
    if isinstance(of, list):
        for one in of:
            yield from expressions(one)


def named(set_: str) -> list[str]:
    """The expressions of a set that look at the name of the operator's account."""
    found = expressions(list(yaml.safe_load_all(render_policies(set_))))
    return [one for one in found if NAME in one]


@pytest.mark.parametrize("set_", ["pin", "pin-v1beta1", "hold", "deny", "stamp", "own-status"])
def test_a_name_alone_exempts_nobody(set_: str) -> None:
    assert named(set_)
    assert all(one.count(NAME) == one.count(RIGHT) for one in named(set_))


def test_what_restricts_the_operator_goes_by_the_name_alone() -> None:
    assert named("own-account")
    assert all("authorizer" not in one for one in named("own-account"))


def test_no_other_set_knows_the_operators_name() -> None:
    knowing = {name for name in SETS if named(name)}

    assert knowing == {"pin", "pin-v1beta1", "hold", "deny", "stamp", "own-status", "own-account"}


def test_the_right_that_exempts_is_in_the_operators_role_and_in_no_other() -> None:
    granting = {
        (role["metadata"]["name"], tuple(role["metadata"]["labels"]))
        for path in ROLES
        for role in roles_in(path.read_text())
        if any(grants_patch_of_status(rule) for rule in role["rules"])
    }

    # No label of aggregation: the right is in no role that a namespace's admin has.
    labels = ("app.kubernetes.io/name", "app.kubernetes.io/part-of")
    assert granting == {("pinnedrelease-controller", labels)}


def roles_in(text: str) -> list[Any]:
    """Roles and ClusterRoles in a file; templates are read as far as they are plain YAML."""
    plain = "\n".join(line if "{{" not in line else stand_in(line) for line in text.splitlines())
    found = [one for one in yaml.safe_load_all(plain) if isinstance(one, dict)]
    return [one for one in found if one.get("kind") in ("Role", "ClusterRole")]


def stand_in(line: str) -> str:
    """What the chart's helpers make of a line, in its shortest form."""
    if line.startswith("kind: ") and line.endswith("}}"):
        return "kind: ClusterRole"
    if "pinnedrelease.labels" in line:
        return "    app.kubernetes.io/name: x\n    app.kubernetes.io/part-of: x"
    return ""


def grants_patch_of_status(rule: dict[str, list[str]]) -> bool:
    """Whether a rule grants it, by name or by a wildcard."""
    resources = {"pinnedreleases/status", "*/status", "*", "pinnedreleases/*"}
    return bool(
        {"pinnedrelease.dev", "*"} & set(rule.get("apiGroups", []))
        and resources & set(rule.get("resources", []))
        and {"patch", "*"} & set(rule["verbs"])
    )
