"""``manifests/install.yaml`` with the operator's image by digest: what a release hands out."""

from __future__ import annotations

import re
import sys
from pathlib import Path

INSTALL = Path(__file__).parent.parent / "manifests" / "install.yaml"
PLACEHOLDER = re.compile(r"^(?P<before>\s*(?:- )?image: )pinnedrelease$", re.MULTILINE)
PINNED = re.compile(r"[a-z0-9.:/_-]+@sha256:[a-f0-9]{64}")


def installing(text: str, image: str) -> str:
    """The manifests with this image. Raises ValueError unless it is named by digest, and once."""
    if not PINNED.fullmatch(image):
        raise ValueError(f"{image} is not of the form REPOSITORY@sha256:...")
    result, count = PLACEHOLDER.subn(lambda found: found["before"] + image, text)
    if count != 1:
        raise ValueError(f"'image: pinnedrelease' stands in the manifests {count} times, not once")
    return result


if __name__ == "__main__":
    sys.stdout.write(installing(INSTALL.read_text(), sys.argv[1]))
