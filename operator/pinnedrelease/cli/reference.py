"""The reference of all commands, made from their parsers."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from pinnedrelease.cli.main import COMMANDS, EXIT_CODES, GROUPS, imported, parser_of

PROGRAM = "pinrel"
HEAD = f"""\
# Commands

Made from the commands themselves by `make cli-reference`; do not edit.

`{PROGRAM}` is also `kubectl pinned-release`. {EXIT_CODES[0].upper()}{EXIT_CODES[1:]}.
Data goes to standard output, everything else to standard error. `--debug`, which every command
has, shows the way to an error.
"""
COMMON = {
    "cluster": "Flags of commands that talk to a cluster",
    "registry": "Flags of commands that ask registries",
}
"""Groups of flags that are told once."""


def render_reference() -> str:
    """Markdown with every command, its arguments and flags; the same for every Python."""
    parts = [HEAD]
    for group, title in COMMON.items():
        parts.append(f"\n{title}:\n\n{_table(_of_group(parser_of_command('verify'), group))}")
    for title, commands in GROUPS.items():
        parts.append(f"\n## {title[0].upper()}{title[1:]}\n")
        parts += [_command(name) for name in commands]
    return "".join(parts)


def parser_of_command(name: str) -> argparse.ArgumentParser:
    """The parser of a command."""
    return parser_of(name, imported(name), PROGRAM)


def _command(name: str) -> str:
    parser, text = parser_of_command(name), COMMANDS[name]
    parts = [f"\n### {PROGRAM} {name}\n\n{text[0].upper()}{text[1:]}.\n"]
    inner = _subcommands(parser)
    if not inner:
        parts.append(_usage(f"{PROGRAM} {name}", parser))
    for action, (subparser, about) in inner.items():
        parts.append(f"\n`{action}`: {about}.\n")
        parts.append(_usage(f"{PROGRAM} {name} {action}", subparser))
    return "".join(parts)


def _usage(program: str, parser: argparse.ArgumentParser) -> str:
    actions = list(_own(parser))
    words = [_placeholder(one) for one in actions if not one.option_strings]
    has_flags = any(one.option_strings for one in actions)
    common = [group for group in COMMON if any(_of_group(parser, group))]
    line = " ".join([program, *words, *(["[flags]"] if has_flags or common else [])])
    shared = f"\nAlso the {' and '.join(common)} flags.\n" if common else ""
    table = f"\n{_table(iter(actions))}" if actions else ""
    return f"\n```sh\n{line}\n```\n{table}{shared}"


def _table(actions: Iterator[argparse.Action]) -> str:
    rows = [f"| {_name(one)} | {_cell(one.help or '')} |\n" for one in actions]
    return "| | |\n|---|---|\n" + "".join(rows)


def _name(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{_placeholder(action).replace('|', chr(92) + '|')}`"
    value = "" if action.nargs == 0 else f" {_value(action)}"
    return f"`{', '.join(action.option_strings)}{value}`".replace("|", "\\|")


def _placeholder(action: argparse.Action) -> str:
    value = _value(action)
    match action.nargs:
        case "?":
            return f"[{value}]"
        case "*":
            return f"[{value} ...]"
        case "+":
            return f"{value} ..."
        case _:
            return value


def _value(action: argparse.Action) -> str:
    if isinstance(action.metavar, tuple):
        return " ".join(action.metavar)
    if action.metavar is not None:
        return action.metavar
    return "|".join(map(str, action.choices)) if action.choices else action.dest.upper()


def _cell(text: str) -> str:
    return text.replace("%%", "%").replace("|", "\\|")


def _own(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """What is not told elsewhere."""
    common = {id(one) for group in COMMON for one in _of_group(parser, group)}
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to read a parser
        if action.dest not in ("help", "debug") and id(action) not in common:
            yield action


def _of_group(parser: argparse.ArgumentParser, title: str) -> Iterator[argparse.Action]:
    for group in parser._action_groups:  # noqa: SLF001
        if group.title == title:
            yield from group._group_actions  # noqa: SLF001


def _subcommands(
    parser: argparse.ArgumentParser,
) -> dict[str, tuple[argparse.ArgumentParser, str]]:
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            about = {one.dest: one.help or "" for one in action._choices_actions}  # noqa: SLF001
            return {name: (one, about[name]) for name, one in action.choices.items()}
    return {}


if __name__ == "__main__":
    sys.stdout.write(render_reference())
