"""``pinrel admission``: the admission policies, to be applied with kubectl."""

from __future__ import annotations

import argparse

from pinnedrelease.api.admission.render import SETS, render_policies
from pinnedrelease.cli.output import out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which set."""
    listing = "; ".join(f"{name}: {text}" for name, (text, _) in SETS.items())
    parser.add_argument("set", choices=SETS, help=listing)


def run(given: argparse.Namespace) -> int:
    """Print policies and bindings."""
    out(render_policies(given.set))
    return 0
