"""The reference of the operator's flags, made from their parser: ``docs/operator-flags.md``."""

from __future__ import annotations

import argparse
import sys

from pinnedrelease.controller.settings import parser_of_the_operator

HEAD = """\
# Flags of the operator

Made from the flags themselves by `make references`; do not edit.

`pinrel controller [flags]`. Every flag can be set in the environment, for example
`PINREL_LOG_LEVEL=debug`; one that may be repeated takes commas there.

| flag | default | |
|---|---|---|
"""
NO_DEFAULT: tuple[object, ...] = (None, [], "", False)


def render_flags() -> str:
    """Markdown with every flag and its default; the same for every Python."""
    # An empty environment: defaults must not depend on who renders.
    flags = parser_of_the_operator({})._actions  # noqa: SLF001 - argparse has no public list of them
    return HEAD + "".join(_row(one) for one in flags if one.dest != "help")


def _row(flag: argparse.Action) -> str:
    value = "" if flag.nargs == 0 else f" {_value(flag)}"
    name = f"`{', '.join(flag.option_strings)}{value}`"
    default = "" if flag.default in NO_DEFAULT else f"`{_number(flag.default)}`"
    return f"| {name} | {default} | {flag.help or ''} |\n".replace("%%", "%")


def _value(flag: argparse.Action) -> str:
    if flag.choices is not None:
        return "\\|".join(map(str, flag.choices))
    return str(flag.metavar or flag.dest.upper())


def _number(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


if __name__ == "__main__":
    sys.stdout.write(render_flags())
