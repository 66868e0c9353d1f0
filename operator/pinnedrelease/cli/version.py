"""``pinrel version``."""

from __future__ import annotations

import argparse
import sys

from pinnedrelease import __version__


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(given: argparse.Namespace) -> int:  # noqa: ARG001 - the interface of a command
    """Print the version and nothing else."""
    sys.stdout.write(f"{__version__}\n")
    return 0
