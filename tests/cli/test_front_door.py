"""The command line as a process: output, errors, exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pinnedrelease import __version__

BIN = Path(sys.executable).parent


def run(*arguments: str, program: str = "pinrel") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / program), *arguments], capture_output=True, text=True, check=False
    )


def test_version_is_printed_and_nothing_else() -> None:
    done = run("version")

    assert (done.returncode, done.stdout, done.stderr) == (0, f"{__version__}\n", "")


def test_the_plugin_calls_itself_kubectl_pinned_release() -> None:
    assert "usage: kubectl pinned-release" in run("--help", program="kubectl-pinned_release").stdout


@pytest.mark.parametrize("arguments", [(), ("nope",), ("crd", "--nope")])
def test_wrong_usage_is_told_on_standard_error_with_code_2(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: pinrel" in done.stderr


def test_the_crd_can_be_written_to_a_file(tmp_path: Path) -> None:
    target = tmp_path / "crd.yaml"

    assert run("crd", "--output", str(target)).returncode == 0
    assert target.read_text() == run("crd").stdout


def test_the_controller_without_a_cluster_says_what_to_do(tmp_path: Path) -> None:
    done = run("controller", "--kubeconfig", str(tmp_path / "none"))

    assert done.returncode == 1
    assert "no cluster to talk to" in done.stderr
    assert "--kubeconfig" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_module_is_the_same_front_door() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pinnedrelease", "controller", "--help"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0
    assert "--namespace" in done.stdout
