"""``pinrel crd``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pinnedrelease.api.crd import render_crd
from pinnedrelease.cli.text_files import write_text


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
        write_text(given.output, render_crd())
    return 0
