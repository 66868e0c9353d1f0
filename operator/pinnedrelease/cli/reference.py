"""The reference of all commands, made from their parsers."""

from __future__ import annotations

import argparse
import os
import sys

from pinnedrelease.cli.main import COMMANDS, EXIT_CODES, GROUPS, imported, parser_of

PROGRAM = "pinrel"
WIDTH = "96"
HEAD = f"""\
# Commands

Made from the commands themselves by `make cli-reference`; do not edit.

`{PROGRAM}` is also `kubectl pinned-release`. {EXIT_CODES[0].upper()}{EXIT_CODES[1:]}.
Data goes to standard output, everything else to standard error. `--debug`, which every command
has, shows the way to an error.
"""


def render_reference() -> str:
    """Markdown with every command, its arguments and flags."""
    # argparse breaks lines by the width of the terminal.
    os.environ["COLUMNS"] = WIDTH
    parts = [HEAD]
    for title, commands in GROUPS.items():
        parts.append(f"\n## {title[0].upper()}{title[1:]}\n")
        parts += [_command(name) for name in commands]
    return "".join(parts)


def _command(name: str) -> str:
    parser = parser_of(name, imported(name), PROGRAM)
    text = COMMANDS[name]
    blocks = [_usage(parser), *(_usage(one) for one in _subparsers(parser))]
    listing = "\n".join(blocks)
    return f"\n### {PROGRAM} {name}\n\n{text[0].upper()}{text[1:]}.\n\n```text\n{listing}```\n"


def _usage(parser: argparse.ArgumentParser) -> str:
    """The help without what is said once for all commands."""
    parser.description = None
    parser.epilog = None
    return parser.format_help()


def _subparsers(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    return [
        inner
        for action in parser._actions  # noqa: SLF001 - argparse has no public way to read a parser
        if isinstance(action, argparse._SubParsersAction)  # noqa: SLF001
        for inner in action.choices.values()
    ]


if __name__ == "__main__":
    sys.stdout.write(render_reference())
