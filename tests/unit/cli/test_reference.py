"""Every command explains itself."""

from __future__ import annotations

import argparse

import pytest

from pinnedrelease.cli.main import COMMANDS
from pinnedrelease.cli.reference import parser_of_command, render_reference


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_argument_of_every_command_has_a_help_text(name: str) -> None:
    pending = [parser_of_command(name)]
    while pending:
        for action in pending.pop()._actions:
            if isinstance(action, argparse._SubParsersAction):
                pending += action.choices.values()
            else:
                assert action.help, f"{name}: {action.dest}"


def test_the_reference_names_every_command_once() -> None:
    text = render_reference()

    for name in COMMANDS:
        assert text.count(f"### pinrel {name}\n") == 1
