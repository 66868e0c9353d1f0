"""``pinrel compose pin`` and ``check``: Compose files with digests."""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml

from pinnedrelease.cli.errors import WrongUsage
from pinnedrelease.cli.image_places import ImagePlace, compose_places
from pinnedrelease.cli.output import as_yaml, out, say
from pinnedrelease.cli.pinning import (
    PlannedFile,
    add_check_arguments,
    add_pin_arguments,
    check_files,
    only_one_pipe,
    pin_files,
    plan_files,
    tell,
)
from pinnedrelease.cli.yaml_text import STDIN, write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Two commands."""
    commands = parser.add_subparsers(dest="action", metavar="pin|check", required=True)
    pin = commands.add_parser("pin", help="write digests beside the tags, comments kept")
    add_pin_arguments(pin)
    pin.add_argument(
        "--override",
        type=Path,
        metavar="OUT",
        help="write an override file with the digests, and leave FILE alone; - prints it",
    )
    check = commands.add_parser("check", help="exit 1 when an image is unpinned or different")
    add_check_arguments(check)
    for one in (pin, check):
        one.add_argument(
            "--service", action="append", default=[], help="only this service, repeatable"
        )


def run(given: argparse.Namespace) -> int:
    """Pin or check. 0: everything is pinned; 1: something is not."""
    only_one_pipe(given)

    def find(roots: list[yaml.MappingNode], path: str) -> list[ImagePlace]:
        return compose_places(roots, path, tuple(given.service))

    if given.action == "check" or given.check:
        return check_files(given, find)
    planned = plan_files(given, find)
    if given.override is None:
        return pin_files(given, planned)
    return _write_override(given, planned)


def _write_override(given: argparse.Namespace, planned: list[PlannedFile]) -> int:
    images = {place.service: text for one in planned for place, text in one.texts}
    if not images:
        raise WrongUsage("no service has an image to pin; nothing was written")
    text = as_yaml({"services": {name: {"image": image} for name, image in images.items()}})
    if str(given.override) == STDIN:
        out(text)
    else:
        if not given.dry_run:
            write_text(given.override, text)
        files = " ".join(f"-f {one.path}" for one in planned)
        say(f"{given.override} pins {', '.join(images)}; use: docker compose {files} "
            f"-f {given.override} up")  # fmt: skip
    return tell(planned)
