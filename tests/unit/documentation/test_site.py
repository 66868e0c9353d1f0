"""The documentation site: built strictly, and complete on a machine without a network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

import pytest
from release.site import path_outside

from markdown_files import ROOT

LOADING = {
    "script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src",
    "audio": "src", "embed": "src", "object": "data",
}  # fmt: skip
"""Elements that load something when a page is opened, and their attribute for it."""
LOADING_LINKS = {"stylesheet", "icon", "preload", "prefetch", "preconnect", "dns-prefetch"}


class Loaded(HTMLParser):
    """What a page loads by itself."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.components: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.components.add(given.get("data-md-component", ""))
        if tag in LOADING and LOADING[tag] in given:
            self.addresses.append(given[LOADING[tag]])
        if tag == "link" and LOADING_LINKS & set(given.get("rel", "").split()):
            self.addresses.append(given["href"])


def build(folder: Path, *settings: str, config: Path = ROOT / "mkdocs.yml") -> str:
    """Build the site as ``make docs`` does; returns what was said. Raises when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file",
         str(config), "--site-dir", str(folder), *settings],
        capture_output=True, text=True, check=False, cwd=ROOT,
        # No name of the outside can be reached: whoever tries, fails.
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": os.pathsep.join(sys.path),
             "HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    assert "WARNING" not in build(folder)
    return folder


def test_every_page_is_on_the_site(site: Path) -> None:
    for path in (ROOT / "docs").rglob("*.md"):
        name = path.relative_to(ROOT / "docs").with_suffix(".html")
        if name.name == "README.html":
            name = name.with_name("index.html")
        assert (site / name).is_file(), path


def test_a_page_loads_nothing_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        page = Loaded(path.read_text())
        assert page.addresses
        assert [one for one in page.addresses if re.match(r"(\w+:)?//", one)] == [], path
        # The theme would ask api.github.com for stars.
        assert "source" not in page.components
        for address in page.addresses:
            file = address.partition("?")[0]
            found = site / file.lstrip("/") if file.startswith("/") else path.parent / file
            assert found.is_file(), (path, address)


def test_style_sheets_load_nothing_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.css"):
        assert re.findall(r"(?:url\(|@import\s+)[\"']?(?:\w+:)?//", path.read_text()) == [], path


def test_marks_of_fences_stay_out_of_the_site(site: Path) -> None:
    text = (site / "start.html").read_text()

    assert '<div class="language-console highlight">' in text
    assert "runnable" not in text


def test_a_link_out_of_the_docs_goes_to_the_repository(site: Path) -> None:
    text = (site / "registries.html").read_text()
    repository = "https://github.com/pinnedrelease/pinnedrelease"

    assert f'href="{repository}/blob/main/tests/faults/test_registry_shapes.py"' in text
    assert f'href="{repository}/edit/main/docs/registries.md"' in text


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("../tests/rights.py", ("tests/rights.py", "")),
        ("../README.md#install", ("README.md", "#install")),
        ("../../examples/ci/", ("../examples/ci", "")),
        ("how-to/look.md", None),
        ("https://example.com/x", None),
        ("#here", None),
        ("../docs/cli.md", None),
    ],
)
def test_links_that_leave_the_docs_are_told_from_others(
    target: str, expected: tuple[str, str] | None
) -> None:
    assert path_outside(target, PurePosixPath("docs/page.md")) == expected


def test_a_broken_link_fails_the_build(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    settings = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[0]
    hook = ROOT / "release" / "site.py"
    config = tmp_path / "mkdocs.yml"
    config.write_text(settings.replace("hooks: [release/site.py]", f"hooks: [{hook}]"))

    for link in ("nowhere.md", "index.md#nowhere", "../nowhere.py"):
        (tmp_path / "docs" / "index.md").write_text(f"# Home\n\n[x]({link})\n")
        with pytest.raises(AssertionError, match="nowhere"):
            build(tmp_path / "site", config=config)
