"""The command line as a process: output, errors, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from pinnedrelease import __version__
from pinnedrelease.cli.main import COMMANDS, GROUPS, main

BIN = Path(sys.executable).parent
BUFFERED = {**os.environ, "PYTHONUNBUFFERED": ""}


def run(*arguments: str, program: str = "pinrel") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / program), *arguments], capture_output=True, text=True, check=False
    )


def for_nobody(*arguments: str) -> tuple[int, bytes]:
    """Exit code and errors of a command whose output nobody reads any more."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        return printed_to(pipe, *arguments)


def printed_to(output: IO[bytes], *arguments: str) -> tuple[int, bytes]:
    """Exit code and errors of a command that prints to this file."""
    done = subprocess.run(
        [str(BIN / "pinrel"), *arguments],
        stdout=output,
        stderr=subprocess.PIPE,
        check=False,
        env=BUFFERED,
    )
    return done.returncode, done.stderr


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


def test_a_near_name_is_suggested() -> None:
    done = run("hystory")

    assert done.returncode == 2
    assert "there is no command 'hystory'; did you mean history?" in done.stderr


def test_help_lists_every_command_in_groups() -> None:
    text = run("--help").stdout

    for group, commands in GROUPS.items():
        assert f"{group}:" in text
        assert all(f"  {name} " in text for name in commands)
    assert "exit codes: 0" in text


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help(command: str) -> None:
    done = run(command, "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert f"usage: pinrel {command}" in done.stdout
    assert "exit codes: 0" in done.stdout


def test_an_error_shows_its_way_only_with_debug(tmp_path: Path) -> None:
    command = ("tag", str(tmp_path / "none.json"), "1.0")

    assert "Traceback" not in run(*command).stderr
    assert "Traceback" in run(*command, "--debug").stderr


def test_a_defect_of_our_own_is_one_line_and_code_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: object) -> int:
        raise ZeroDivisionError("here")

    monkeypatch.setattr("pinnedrelease.cli.version.run", broken)

    assert main(["version"], "pinrel") == 3
    assert capsys.readouterr().err == (
        "error: this is a defect of pinrel: ZeroDivisionError: here; please report what this "
        "command prints with --debug\n"
    )


def test_a_reader_that_has_seen_enough_is_told_by_the_code_alone() -> None:
    assert for_nobody("crd") == (141, b"")


@pytest.mark.parametrize("arguments", [("--help",), ("crd", "--help"), ("crd",)])
def test_a_full_disk_is_told_once_and_is_no_success(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        told = printed_to(full, *arguments)

    assert told == (3, b"error: the output cannot be written: No space left on device\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_without_a_place_to_tell_anything_nothing_is_begun(tmp_path: Path, closed: str) -> None:
    target = tmp_path / "crd.yaml"
    command = f"{BIN / 'pinrel'} crd --output {target} {closed}"

    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, check=False)

    assert (done.returncode, done.stderr, target.exists()) == (3, b"", False)


def test_help_for_nobody_is_quiet() -> None:
    assert for_nobody("crd", "--help") == (0, b"")


def test_an_interruption_while_a_command_is_imported_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pinnedrelease.cli.main.imported", interrupted)

    assert main(["version"], "pinrel") == 130


@pytest.mark.parametrize(
    "arguments", [("compose", "check", "none", "--debug"), ("compose", "--debug", "check", "none")]
)
def test_debug_may_stand_behind_the_inner_word(arguments: tuple[str, ...]) -> None:
    assert "Traceback" in run(*arguments).stderr


def test_a_file_that_cannot_be_made_is_wrong_usage() -> None:
    done = run("crd", "--output", "/nowhere/crd.yaml")

    assert done.returncode == 2
    assert done.stderr == (
        "error: /nowhere/crd.yaml cannot be written: No such file or directory\n"
    )


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


def test_a_kubeconfig_that_is_no_yaml_is_told_as_such(tmp_path: Path) -> None:
    broken = tmp_path / "kubeconfig"
    broken.write_text("a: [")

    done = run("history", "web", "--kubeconfig", str(broken))

    assert done.returncode == 3
    assert f"no cluster to talk to ({broken}): " in done.stderr
    assert "defect" not in done.stderr


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"words",
        b"a: \xff\xfe",
        b"current-context: 2026-13-45",
        b"current-context: a\ncontexts: 5\nclusters: []\nusers: []",
        b"current-context: a\ncontexts: [{name: a, context: 5}]\nclusters: [{name: x}]\nusers: []",
        None,
    ],
)
def test_a_kubeconfig_that_is_none_is_no_defect_of_ours(
    tmp_path: Path, content: bytes | None
) -> None:
    broken = tmp_path / "kubeconfig"
    if content is None:
        broken.mkdir()
    else:
        broken.write_bytes(content)

    done = run("history", "web", "--kubeconfig", str(broken))

    assert done.returncode == 3
    assert f"no cluster to talk to ({broken}): " in done.stderr
    assert "defect" not in done.stderr


def test_who_has_no_home_is_told_what_to_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def homeless(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setattr(Path, "expanduser", homeless)

    assert main(["history", "web"], "pinrel") == 3
    told = capsys.readouterr().err
    assert "no cluster to talk to (the default kubeconfig): Could not determine home" in told


def test_the_module_is_the_same_front_door() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pinnedrelease", "controller", "--help"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0
    assert "--namespace" in done.stdout
