"""What the Flux files say about fields and about each other."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from objects import cron_job, daemon_set, deployment, stateful_set

ROOT = Path(__file__).parents[3]
FLUX = ROOT / "integrations" / "flux"
PAGE = (ROOT / "docs" / "how-to" / "flux.md").read_text()
SYNC = yaml.safe_load((FLUX / "sync.yaml").read_text())
MARKER = re.compile(r"^\s*(\w+): \S+  # (\{.*\})$", re.MULTILINE)


def automation(kind: str) -> Any:
    documents = yaml.safe_load_all((FLUX / "image-automation.yaml").read_text())
    (found,) = (one for one in documents if one["kind"] == kind)
    return found


def markers(text: str) -> dict[str, str]:
    return {field: json.loads(marker)["$imagepolicy"] for field, marker in MARKER.findall(text)}


def at(document: Any, pointer: str) -> Any:
    """What a JSON pointer points at. Raises LookupError when there is no such place."""
    for part in pointer.split("/")[1:]:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def test_each_of_the_three_fields_is_marked_with_its_part_of_one_policy() -> None:
    policy = automation("ImagePolicy")["metadata"]
    name = f"{policy['namespace']}:{policy['name']}"

    text = (FLUX / "release.yaml").read_text()

    wanted = {"repository": f"{name}:name", "tag": f"{name}:tag", "digest": f"{name}:digest"}
    assert markers(text) == wanted
    assert markers(PAGE) == wanted


def test_the_policy_takes_the_digest_once_from_the_repository_that_is_pinned() -> None:
    release = yaml.safe_load((FLUX / "release.yaml").read_text())
    policy, repository = automation("ImagePolicy"), automation("ImageRepository")

    assert policy["spec"]["digestReflectionPolicy"] == "IfNotPresent"
    assert policy["spec"]["imageRepositoryRef"]["name"] == repository["metadata"]["name"]
    assert repository["spec"]["image"] == release["spec"]["repository"]


@pytest.mark.parametrize("workload", [deployment(), stateful_set(), daemon_set(), cron_job()])
def test_the_rules_ignore_the_image_of_every_kind_of_workload(
    workload: Mapping[str, object],
) -> None:
    kind = str(workload["kind"])
    group = str(workload["apiVersion"]).split("/", maxsplit=1)[0]
    paths = [
        path
        for rule in SYNC["spec"]["ignore"]
        if re.fullmatch(rule["target"]["kind"], kind) and rule["target"]["group"] == group
        for path in rule["paths"]
    ]

    assert [at(workload, path) for path in paths] == ["registry.example.com/team/web:1.0"]


def test_drift_detection_of_a_helm_release_leaves_the_same_field_alone() -> None:
    release = yaml.safe_load((FLUX / "helm-release.yaml").read_text())

    (rule,) = release["spec"]["driftDetection"]["ignore"]

    assert [at(deployment(), path) for path in rule["paths"]] == [
        "registry.example.com/team/web:1.0"
    ]


def test_the_page_shows_what_is_shipped() -> None:
    shown: dict[str, Any] = {}
    for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL):
        shown |= yaml.safe_load(block)["spec"]

    for field in ("wait", "timeout", "healthCheckExprs"):
        assert shown[field] == SYNC["spec"][field]
    assert shown["ignore"] == SYNC["spec"]["ignore"][:1]
