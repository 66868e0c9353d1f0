"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from faults.unrun import ELSEWHERE, UNRUN

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


REGISTRY = [path for path in FILES if path.parent.name == "registry"]


@pytest.mark.parametrize("path", REGISTRY, ids=[path.name for path in REGISTRY])
def test_the_registry_room_cannot_make_a_digest_that_may_be_written(path: Path) -> None:
    """P-2: workload writes take a DeclaredDigest; no answer can become one."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            assert "DeclaredDigest" not in names
            assert node.module != "pinnedrelease.core.pin"
        assert not (isinstance(node, ast.Attribute) and node.attr == "DeclaredDigest")


CHANGING = {
    "post": {"cluster/access_reviews.py", "cluster/writer.py"},
    "patch": {"cluster/writer.py"},
    "overwrite": {"cluster/writer.py"},
}
"""Which files may call these methods of ``Session``, which has no others that change anything."""


def callers_of(*methods: str) -> set[str]:
    """The files in which one of these is called on something."""
    return {
        str(path.relative_to(SOURCE / "pinnedrelease"))
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in methods
    }


@pytest.mark.parametrize(("verb", "allowed"), CHANGING.items(), ids=list(CHANGING))
def test_one_module_changes_the_cluster_and_one_asks_for_reviews(
    verb: str, allowed: set[str]
) -> None:
    assert callers_of(verb) == allowed


def test_rows_of_the_fault_matrix_that_are_played_elsewhere_are_there() -> None:
    for row, path in ELSEWHERE.items():
        assert (ROOT / path).is_file(), row
    assert not set(ELSEWHERE) & set(UNRUN)


def test_one_module_makes_contexts_of_tls() -> None:
    """Python's defaults refuse authorities that Kubernetes takes, so nobody takes the defaults."""
    assert callers_of("create_default_context", "SSLContext") == {"tls.py"}
