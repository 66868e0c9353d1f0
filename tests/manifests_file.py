"""The one file to install from, as ``make manifests`` writes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from controlplane.binaries import ensure

BASE = Path(__file__).parent.parent / "manifests" / "base"
HEADER = "# Generated from manifests/base by `make manifests`. Do not edit.\n"


def rendered(kubectl: Path) -> str:
    """The base as kustomize renders it."""
    done = subprocess.run(
        [str(kubectl), "kustomize", str(BASE)], capture_output=True, text=True, check=True
    )
    return HEADER + done.stdout


if __name__ == "__main__":
    sys.stdout.write(rendered(ensure().kubectl))
