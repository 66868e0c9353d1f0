"""``pinrel manifest pin`` and ``check``: plain Kubernetes manifests with digests."""

from __future__ import annotations

import argparse

from pinnedrelease.cli.image_places import manifest_places
from pinnedrelease.cli.pinning import (
    add_check_arguments,
    add_pin_arguments,
    check_files,
    only_one_pipe,
    pin_files,
    plan_files,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Two commands."""
    commands = parser.add_subparsers(dest="action", metavar="pin|check", required=True)
    pin = commands.add_parser("pin", help="write digests beside the tags, comments kept")
    add_pin_arguments(pin)
    check = commands.add_parser("check", help="exit 1 when an image is unpinned or different")
    add_check_arguments(check)


def run(given: argparse.Namespace) -> int:
    """Pin or check. 0: everything is pinned; 1: something is not."""
    only_one_pipe(given)
    if given.action == "check" or given.check:
        return check_files(given, manifest_places)
    return pin_files(given, plan_files(given, manifest_places))
