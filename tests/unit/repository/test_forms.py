"""Issue forms, owners and the settings of Renovate, as GitHub and Renovate read them."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from markdown_files import ROOT

GITHUB = ROOT / ".github"
CHOOSER = GITHUB / "ISSUE_TEMPLATE" / "config.yml"
FORMS = sorted(set(CHOOSER.parent.glob("*.yml")) - {CHOOSER})
# Source: GitHub documentation, "Syntax for GitHub's form schema".
ELEMENTS = {
    "markdown": ({"value"}, {"value"}),
    "input": ({"label"}, {"label", "description", "placeholder", "value"}),
    "textarea": ({"label"}, {"label", "description", "placeholder", "value", "render"}),
    "dropdown": ({"label", "options"}, {"label", "description", "multiple", "options", "default"}),
    "checkboxes": ({"label", "options"}, {"label", "description", "options"}),
}
"""Type of an element -> attributes that it needs, and that it may have."""


@pytest.mark.parametrize("path", FORMS, ids=[path.name for path in FORMS])
def test_a_form_has_what_github_requires(path: Path) -> None:
    form = yaml.safe_load(path.read_text())

    assert {"name", "description", "body"} <= set(form)
    assert set(form) <= {"name", "description", "body", "labels", "title", "assignees", "projects"}
    asked = [one for one in form["body"] if one["type"] != "markdown"]
    assert asked
    names = [one["id"] for one in asked]
    labels = [one["attributes"]["label"] for one in asked]
    assert len(set(names)) == len(names)
    assert len(set(labels)) == len(labels)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", name) for name in names)
    for element in form["body"]:
        assert_element(element)


def assert_element(element: dict[str, Any]) -> None:
    assert set(element) <= {"type", "id", "attributes", "validations"}
    needed, allowed = ELEMENTS[element["type"]]
    assert needed <= set(element["attributes"]) <= allowed
    assert set(element.get("validations", {})) <= {"required"}
    options = element["attributes"].get("options", [])
    if element["type"] == "checkboxes":
        assert all(set(one) <= {"label", "required"} and one["label"] for one in options)
    else:
        assert len(set(options)) == len(options)
        # YAML reads yes and no as truth values, which GitHub refuses.
        assert all(isinstance(one, str) for one in options)


def test_the_chooser_sends_vulnerabilities_elsewhere() -> None:
    config = yaml.safe_load(CHOOSER.read_text())

    assert set(config) == {"blank_issues_enabled", "contact_links"}
    for link in config["contact_links"]:
        assert set(link) == {"name", "url", "about"}
        assert link["url"].startswith("https://")
    assert any(link["url"].endswith("/security/advisories/new") for link in config["contact_links"])


def test_every_line_of_the_owners_matches_a_file_and_names_somebody() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    lines = [
        line.split()
        for line in (GITHUB / "CODEOWNERS").read_text().splitlines()
        if line and not line.startswith("#")
    ]

    assert lines[0][0] == "*"
    for pattern, *owners in lines:
        assert owners
        assert all(re.fullmatch(r"@[\w-]+(/[\w-]+)?", owner) for owner in owners)
        place = pattern.removeprefix("/")
        assert fnmatch.filter(tracked, f"{place}*"), pattern


def test_renovate_finds_the_base_of_the_image() -> None:
    settings = json.loads((GITHUB / "renovate.json").read_text())
    assert "helpers:pinGitHubActionDigests" in settings["extends"]
    (manager,) = settings["customManagers"]
    (regex,) = manager["matchStrings"]
    # Both, or its change would leave one of them behind.
    for path in ("release/base-image.txt", "Dockerfile"):
        assert any(re.search(one.strip("/"), path) for one in manager["managerFilePatterns"])

        (found,) = re.finditer(regex.replace("(?<", "(?P<"), (ROOT / path).read_text())

        assert found["depName"] == "docker.io/library/python"
        assert found["currentValue"] == "3.13-slim"
        assert found["currentDigest"].startswith("sha256:")
