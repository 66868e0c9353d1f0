"""``pinrel`` and ``kubectl pinned-release``: finds the command and imports nothing else."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol

from pinnedrelease.cli.errors import CommandError

COMMANDS = {
    "history": "show the revisions of a PinnedRelease, or export them",
    "ran": "answer what ran at a time, from the status, an export or Git",
    "rollback": "go back to an earlier revision, in the cluster or in a file",
    "clear-override": "end a break-glass override",
    "reject": "refuse a digest until a person lifts it",
    "suspend": "write nothing to the workload; drift is still reported",
    "resume": "go on after suspend",
    "reconcile": "have everything looked at now, and wait for it",
    "crd": "print the CustomResourceDefinition",
    "version": "print the version",
}
DESCRIPTION = "Keep Kubernetes workloads on exactly the image digest that was declared."


class Command(Protocol):
    """What a module of a command has."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's flags."""

    def run(self, given: argparse.Namespace) -> int:
        """Do it. Returns the exit code; raises CommandError."""


def main(arguments: Sequence[str], program: str) -> int:
    """Run one command. 0: done or yes, 1: no or nothing done, 2: wrong usage, 3: cannot tell."""
    parser = argparse.ArgumentParser(prog=program, description=DESCRIPTION)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    commands.add_parser("controller", help="run the operator (see: controller --help)")
    wanted = next((one for one in arguments if one in COMMANDS), None)
    command: Command | None = None
    for name, text in COMMANDS.items():
        its_parser = commands.add_parser(
            name, help=text, description=f"{text[0].upper()}{text[1:]}."
        )
        if name == wanted:
            command = _imported(name)
            command.add_arguments(its_parser)
    given = parser.parse_args(arguments)
    if command is None:
        parser.error("the operator is started with: pinrel controller")
    try:
        return command.run(given)
    except CommandError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def _imported(name: str) -> Command:
    """The module of one command: others may need libraries that take longer than the command."""
    module: Command = import_module(f"pinnedrelease.cli.{name.replace('-', '_')}")
    return module
