"""The Krew manifest of a release: the template with the version and the archives' checksums."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

from pinnedrelease import __version__
from release.cli_archive import PLATFORMS

TEMPLATE = Path(__file__).parent / "krew" / "pinned-release.yaml"


def manifest(template: str, version: str, archives: Path) -> str:
    """The template filled in. Raises OSError for a missing archive, ValueError for a gap."""
    values = {"VERSION": version}
    for platform in PLATFORMS:
        content = (archives / platform.archive).read_bytes()
        values[f"SHA256_{platform.name.upper()}"] = hashlib.sha256(content).hexdigest()
    text = template
    for name, value in values.items():
        if f"@{name}@" not in text:
            raise ValueError(f"the template has no @{name}@")
        text = text.replace(f"@{name}@", value)
    left = re.findall(r"@[A-Z0-9_]+@", text)
    if left:
        raise ValueError(f"nothing is known for {left}")
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


if __name__ == "__main__":
    sys.stdout.write(manifest(TEMPLATE.read_text(), __version__, Path(sys.argv[1])))
