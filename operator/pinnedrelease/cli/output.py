"""What a command says: data on standard output, everything else on standard error.

What comes from a cluster or a registry may hold anything: characters that steer terminals are
taken out in one place, here.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from pinnedrelease.api import names
from pinnedrelease.cli.quoting import is_read_as_another

_KEPT = frozenset("\n\t")
_STEERING = frozenset(
    [
        *range(0x20),
        *range(0x7F, 0xA0),
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
        0xFEFF,
    ]
) - {ord(mark) for mark in _KEPT}
_CLEANED = dict.fromkeys(_STEERING, "\N{REPLACEMENT CHARACTER}")


def clean(text: str) -> str:
    """The text without characters that move the cursor, change colours or turn the direction."""
    return text.translate(_CLEANED)


def out(text: str) -> None:
    """Data, for people or for the next program."""
    sys.stdout.write(clean(text))


def say(text: str) -> None:
    """One line of data."""
    out(f"{text}\n")


def note(text: str) -> None:
    """Something to know, beside the result."""
    sys.stderr.write(clean(f"note: {text}\n"))


def progress(text: str) -> None:
    """What is being done now; only for somebody who watches."""
    if sys.stderr.isatty():
        sys.stderr.write(clean(f"{text}\n"))


def is_colourful() -> bool:
    """Whether colours are welcome (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def program() -> str:
    """How the person has called us, for the commands that messages propose."""
    return "kubectl pinned-release" if Path(sys.argv[0]).name.startswith("kubectl-") else "pinrel"


def resource_name(name: str) -> str:
    """A PinnedRelease as kubectl names it with ``-o name``."""
    return f"{names.SINGULAR}.{names.GROUP}/{name}"


def add_output_argument(parser: argparse.ArgumentParser, *formats: str) -> None:
    """The flag ``-o``. A table for people without it."""
    parser.add_argument("-o", "--output", choices=formats, help="format (default: for people)")


def add_no_headers(parser: argparse.ArgumentParser) -> None:
    """The flag for tables that a script cuts up."""
    parser.add_argument("--no-headers", action="store_true", help="leave the first line out")


def show(
    output: str | None,
    text: Callable[[], str],
    data: object,
    resource_names: Sequence[str] = (),
) -> None:
    """Print in the format that was asked for; ``wide`` is the text's own business."""
    match output:
        case "json":
            out(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
        case "yaml":
            out(as_yaml(data))
        case "name":
            out("".join(f"{one}\n" for one in resource_names))
        case _:
            out(text())


def as_yaml(data: object) -> str:
    """YAML in the order of the data, long lines left alone."""
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=4096)
    return text


class _Dumper(yaml.SafeDumper):
    """With quotes also where another reader than PyYAML would find no text."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "'" if is_read_as_another(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
