"""``pinrel``: the commands that need no cluster."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pinnedrelease import __version__


def main(arguments: Sequence[str], program: str) -> int:
    """Run one command. 0: done, 2: wrong usage."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="Keep Kubernetes workloads on exactly the image digest that was declared.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    commands.add_parser("controller", help="run the operator (see: controller --help)")
    crd = commands.add_parser("crd", help="print the CustomResourceDefinition")
    crd.add_argument("--output", type=Path, help="write to this file instead of standard output")
    commands.add_parser("version", help="print the version")
    given = parser.parse_args(arguments)
    if given.command == "crd":
        return _print_crd(given.output)
    sys.stdout.write(f"{__version__}\n")
    return 0


def _print_crd(output: Path | None) -> int:
    # pydantic takes longer to import than the other commands take to run.
    from pinnedrelease.api.crd import render_crd  # noqa: PLC0415

    if output is None:
        sys.stdout.write(render_crd())
    else:
        output.write_text(render_crd(), encoding="utf-8")
    return 0
