"""Links and anchors of every Markdown file lead somewhere, on GitHub as well as on the site."""

from __future__ import annotations

import posixpath
from functools import cache
from pathlib import Path

import pytest
from release.pages import anchors, links

from markdown_files import ROOT, pages


@cache
def anchors_of(path: Path) -> set[str]:
    return anchors(path.read_text())


@pytest.mark.parametrize("path", pages(), ids=str)
def test_every_relative_link_and_anchor_leads_somewhere(path: Path) -> None:
    broken = []
    for target in links((ROOT / path).read_text()):
        if target.startswith(("https://", "mailto:")):
            continue
        name, _, fragment = target.partition("#")
        found = ROOT / posixpath.normpath(path.parent / name) if name else ROOT / path
        if not (found.exists() and found.resolve().is_relative_to(ROOT)) or (
            fragment and found.suffix == ".md" and fragment not in anchors_of(found)
        ):
            broken.append(target)

    assert broken == []


def test_a_link_without_a_target_would_be_noticed() -> None:
    page = "[a](nowhere.md) `[b](code.md)`\n```sh\n[c](block.md)\n```\n[d](there.md#x)\n"

    assert list(links(page)) == ["nowhere.md", "there.md#x"]


def test_anchors_are_those_of_github() -> None:
    page = "# What it does\n## `kubectl get`, and *more*\n## What it does\n```\n# no heading\n```\n"

    assert anchors(page) == {"what-it-does", "kubectl-get-and-more", "what-it-does-1"}
