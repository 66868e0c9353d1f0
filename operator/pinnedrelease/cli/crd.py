"""``pinrel crd``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pinnedrelease.api.crd import render_crd


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to write."""
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write to this file, not to standard output"
    )


def run(given: argparse.Namespace) -> int:
    """Print the CustomResourceDefinition that is generated from the models."""
    if given.output is None:
        sys.stdout.write(render_crd())
    else:
        given.output.write_text(render_crd(), encoding="utf-8")
    return 0
