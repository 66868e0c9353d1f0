"""Shell completion: the candidates, and the scripts in real shells."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pinnedrelease.cli.main import COMMANDS
from pinrel import pinrel

BIN = Path(sys.executable).parent


def complete(*words: str) -> tuple[list[str], str]:
    """Candidates without their descriptions, and the directive."""
    said = pinrel("__complete", *words)
    assert (said.code, said.err) == (0, "")
    *lines, directive = said.out.splitlines()
    return [line.partition("\t")[0] for line in lines], directive


def test_commands_come_first_with_their_descriptions() -> None:
    found, directive = complete("")

    assert found == [*COMMANDS, "controller"]
    assert directive == ":4"
    assert f"history\t{COMMANDS['history']}" in pinrel("__complete", "his").out


@pytest.mark.parametrize(
    ("words", "found", "directive"),
    [
        (("s",), ["status", "suspend"], ":4"),
        (("nope", ""), [], ":4"),
        (("completion", ""), ["bash", "zsh", "fish"], ":4"),
        (("compose", ""), ["pin", "check"], ":4"),
        (("compose", "pin", "--ove"), ["--override"], ":4"),
        (("compose", "pin", ""), [], ":0"),
        (("compose", "pin", "a.yaml", ""), [], ":0"),
        (("compose", "pin", "a.yaml", "--from", ""), [], ":0"),
        (("verify", "-o", ""), ["json", "yaml", "name"], ":4"),
        (("verify", "-o", "j"), ["json"], ":4"),
        (("rollback", "web", "-f", ""), [], ":0"),
        (("rollback", "web", ""), [], ":4"),
        (("version", ""), [], ":4"),
        (("history", ""), [], ":4"),
        (("history", "--context", ""), [], ":4"),
    ],
)
def test_what_may_come_next(words: tuple[str, ...], found: list[str], directive: str) -> None:
    assert complete(*words) == (found, directive)


def in_shell(shell: str, script: str) -> str:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "HOME": "/nowhere"}
    done = subprocess.run(
        [program, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_bash_offers_the_candidates() -> None:
    script = """
source <(pinrel completion bash)
COMP_WORDS=(pinrel verify -o j) COMP_CWORD=3
_pinrel
printf '%s\\n' "${COMPREPLY[@]}"
"""
    assert in_shell("bash", script) == "json\n"


def test_bash_offers_files_where_a_file_is_meant(tmp_path: Path) -> None:
    (tmp_path / "compose one.yaml").touch()
    script = f"""
cd {tmp_path}
source <(pinrel completion bash)
COMP_WORDS=(pinrel compose pin comp) COMP_CWORD=3
_pinrel
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    assert in_shell("bash", script) == "compose one.yaml\n"


def test_fish_offers_the_candidates() -> None:
    script = "pinrel completion fish | source; complete -C 'pinrel verify -o j'"

    assert in_shell("fish", script).strip() == "json"


def test_zsh_offers_the_candidates() -> None:
    # Without a terminal there is no line to complete: what would be described is printed.
    script = """
autoload -Uz compinit; compinit -u -D
source <(pinrel completion zsh)
_describe() { print -rl -- "${(@P)2}" }
words=(pinrel comp) CURRENT=2
_pinrel
"""
    found = in_shell("zsh", script)

    assert found.splitlines() == [
        "compose:" + COMMANDS["compose"],
        "completion:" + COMMANDS["completion"],
    ]
