"""``pinrel compose pin`` and ``check``: Compose files with digests."""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml

from pinnedrelease.cli.errors import NO, WrongUsage
from pinnedrelease.cli.image_places import ImagePlace, compose_places
from pinnedrelease.cli.output import note, say
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
from pinnedrelease.cli.quoting import quoted
from pinnedrelease.cli.text_files import (
    STDIN,
    is_written_into,
    print_exactly,
    read_text,
    write_text,
)
from pinnedrelease.cli.yaml_text import child, documents, is_nothing, scalar


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
    before = _images_before(given.override, [one.path for one in planned])
    images = {place.service: text for one in planned for place, text in one.texts if place.service}
    if not images:
        raise WrongUsage("no service has an image to pin; nothing was written")
    merged = before | images
    text = "services:\n" + "".join(
        f"  {quoted(name)}:\n    image: {quoted(image)}\n" for name, image in merged.items()
    )
    if str(given.override) == STDIN:
        print_exactly(text)
    else:
        if not given.dry_run:
            write_text(given.override, text)
        files = " ".join(f"-f {one.path}" for one in planned)
        verb = "would pin" if given.dry_run else "pins"
        say(f"{given.override} {verb} {', '.join(images)}; use: docker compose {files} "
            f"-f {given.override} up")  # fmt: skip
    kept = [name for name in before if name not in images]
    if kept:
        # Compose would start one that is a service of no file any more: somebody has to know.
        note(f"{given.override} keeps what it had for {', '.join(kept)}")
    left = [
        f"{one.path}, line {place.line}: {place.where}: {place.text} is no image of a service, "
        "which is all that an override holds; left as it is"
        for one in planned
        for place, text in one.texts
        if not place.service and text != place.text
    ]
    for text in left:
        note(text)
    return tell(planned) or (NO if left else 0)


def _images_before(override: Path, files: list[Path]) -> dict[str, str]:
    """Service and image of an override that is there already.

    Raises WrongUsage where a file of somebody would be lost: only an override is replaced.
    """
    if str(override) == STDIN or is_written_into(override) or not override.exists():
        return {}
    if any(str(one) != STDIN and override.samefile(one) for one in files):
        raise WrongUsage(f"--override {override} is FILE itself; name another file")
    found = _images_alone(read_text(override), str(override))
    if found is None:
        raise WrongUsage(
            f"{override} is there already, and holds more than images of services; nothing was "
            "written. Name another file, or remove it"
        )
    return found


def _images_alone(text: str, where: str) -> dict[str, str] | None:
    """The images of a text that could be such an override; None when anything else is in it."""
    found: dict[str, str] = {}
    if not text.strip():
        return found
    try:
        roots = documents(text, where)
    except WrongUsage:
        return None
    for root in roots:
        services = child(root, "services")
        if len(root.value) != 1 or not isinstance(services, yaml.MappingNode):
            return None
        for name, service in services.value:
            image = _only_image(service)
            if image is None or name.value == "<<":
                return None
            found[name.value] = image
    # Comments are somebody's words.
    return found if roots and "#" not in text else None


def _only_image(service: yaml.Node) -> str | None:
    """The image of a service that has nothing else; what Compose takes away is no image."""
    if not isinstance(service, yaml.MappingNode):
        return None
    if [key.value for key, _ in service.value] != ["image"]:
        return None
    image = service.value[0][1]
    return None if is_nothing(image) else scalar(service, "image")
