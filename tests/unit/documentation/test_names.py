"""Make targets, commands and flags that a page names exist."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from release.pages import blocks, code_spans

from markdown_files import ROOT, commands, pages
from pinnedrelease.cli.main import COMMANDS
from pinnedrelease.cli.reference import parser_of_command
from pinnedrelease.controller.settings import parser_of_the_operator

MAKE = re.compile(r"(?:^|[\s;&(])make (?:[A-Z_]+=\S+ )*(?P<target>[a-z][a-z-]*)")
PINREL = re.compile(r"(?:^|[\s;&|(])(?:pinrel|kubectl pinned-release) (?P<rest>[^;|&>)\n#]*)")
FLAG = re.compile(r"(?<![\w-])(?P<flag>--[a-z][a-z-]*|-[a-zA-Z])(?![\w-])")
COMMANDS_AND_OPERATOR = {*COMMANDS, "controller"}
# Flags of other programs that a page tells about on their own, outside of a command.
FOREIGN = {
    "--digestfile": "buildah, podman",
    "--force-conflicts": "kubectl apply",
    "--custom-resource-state-config-file": "kube-state-metrics",
    "--take-ownership": "helm upgrade",
    "--runtime-config": "kube-apiserver",
}


def code(path: Path) -> Iterator[str]:
    """Inline code, and the lines of shell blocks; continued lines as one."""
    page = (ROOT / path).read_text()
    yield from code_spans(page)
    for block in blocks(page):
        yield from commands(block)


@cache
def flags_of(command: str) -> frozenset[str]:
    if command == "controller":
        return _flags(parser_of_the_operator({}))
    return _flags(parser_of_command(command))


def _flags(parser: argparse.ArgumentParser) -> frozenset[str]:
    pending = [parser]
    found: set[str] = set()
    while pending:
        for action in pending.pop()._actions:
            found.update(action.option_strings)
            if isinstance(action, argparse._SubParsersAction):
                pending += action.choices.values()
    return frozenset(found)


@pytest.mark.parametrize("path", pages(), ids=str)
def test_make_targets_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {found["target"] for text in code(path) for found in MAKE.finditer(text)}

    assert named <= targets


@pytest.mark.parametrize("path", pages(), ids=str)
def test_commands_and_their_flags_exist(path: Path) -> None:
    unknown = []
    for text in code(path):
        for found in PINREL.finditer(text):
            words = found["rest"].split()
            if not words or not re.fullmatch(r"[a-z-]+", words[0]):
                continue
            used = {one["flag"] for one in FLAG.finditer(found["rest"])}
            if words[0] not in COMMANDS_AND_OPERATOR or not used <= flags_of(words[0]):
                unknown.append(text)

    assert unknown == []


@pytest.mark.parametrize("path", pages(), ids=str)
def test_flags_that_stand_alone_exist(path: Path) -> None:
    """``--registry-allow=HOST`` in a sentence: some command has it, or another program."""
    known = {"--help"}.union(*map(flags_of, COMMANDS_AND_OPERATOR), FOREIGN)
    named = {
        re.split(r"[ =,]", text)[0]
        for text in code_spans((ROOT / path).read_text())
        if re.match(r"--[a-z-]+([ =,]|$)", text)
    }

    assert named <= known


def test_an_unknown_flag_would_be_noticed() -> None:
    (found,) = PINREL.finditer("$ pinrel verify web --nonsense -n shop # why")

    assert found["rest"].split()[0] == "verify"
    assert {one["flag"] for one in FLAG.finditer(found["rest"])} == {"--nonsense", "-n"}
    assert "--nonsense" not in flags_of("verify")
    assert "-n" in flags_of("verify")
