"""Which files that a Compose file takes in are looked at anyway, and which cannot be named."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from pinnedrelease.cli.image_places import ImagePlace

_REMOTE = re.compile(r"[a-z][a-z0-9+.-]*://|[^/\s]+@[^/\s]+:|github\.com/", re.IGNORECASE)


def is_remote(place: ImagePlace) -> bool:
    """Whether Compose fetches the file from a registry or from Git: no path names it."""
    return place.is_elsewhere and _REMOTE.match(place.text) is not None


def not_among(
    places: Iterable[ImagePlace], path: Path, files: Iterable[Path], *, in_place: bool
) -> list[ImagePlace]:
    """The places of a file without those whose images are looked at in another given file.

    Compose reads a path from the folder of the file in which it stands. An override pins the
    services of the files it is used with; a service that extends one of them it does not reach.
    """
    named = {os.path.realpath(one) for one in files}

    def is_seen_there(place: ImagePlace) -> bool:
        if not place.is_elsewhere or (place.service and not in_place):
            return False
        try:
            return os.path.realpath(path.parent / place.text) in named
        except ValueError:
            # A NUL sign: no file has such a name.
            return False

    return [one for one in places if not is_seen_there(one)]
