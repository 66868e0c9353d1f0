"""What docs/how-to/gitops.md shows is what integrations/argocd ships."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "how-to" / "gitops.md"
ARGOCD = ROOT / "integrations" / "argocd"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


def load(path: str) -> Any:
    return yaml.safe_load((ARGOCD / path).read_text())


def test_the_page_shows_the_pinned_release_and_the_rules_of_the_sample() -> None:
    release, application = (yaml.safe_load(block) for block in blocks("yaml"))
    shipped = load("applications/my-api.yaml")["spec"]

    assert release == load("my-api/pinned-release.yaml")
    assert application["spec"]["ignoreDifferences"] == shipped["ignoreDifferences"]
    del shipped["syncPolicy"]["retry"]
    assert application["spec"]["syncPolicy"] == shipped["syncPolicy"]


def test_every_file_that_a_command_of_the_page_names_is_there() -> None:
    named = re.findall(r"integrations/argocd/[\w./-]+", "\n".join(blocks("sh")))

    assert len(named) == 3
    for path in named:
        assert (ROOT / path).is_file(), path


def test_the_rules_for_kinds_have_those_of_the_sample() -> None:
    rules = load("ignore-differences.yaml")["spec"]["ignoreDifferences"]

    assert load("applications/my-api.yaml")["spec"]["ignoreDifferences"] == rules[:1]
    assert [one["kind"] for one in rules] == ["Deployment", "StatefulSet", "DaemonSet", "CronJob"]
