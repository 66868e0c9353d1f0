"""Rules of the house that no linter knows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "operator"
FILES = sorted((SOURCE / "pinnedrelease").rglob("*.py"))
CEILING = 400


def test_the_source_root_is_no_package() -> None:
    """With an __init__.py it would shadow the standard library's operator module."""
    assert not (SOURCE / "__init__.py").exists()


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(SOURCE)) for path in FILES])
def test_a_file_is_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= CEILING


def test_the_command_line_never_imports_kopf() -> None:
    code = "import sys, pinnedrelease.cli.main; sys.exit('kopf' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_committed_file_names_a_package_index() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        assert "://" not in path.read_text(), path
