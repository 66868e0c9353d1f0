"""``python -m gotools``: build what is missing and say where it is."""

from __future__ import annotations

import sys

from controlplane.binaries import BuildFailed, say
from gotools import tools


def main() -> int:
    """Build Helm and Flux's controller."""
    try:
        say(f"Helm is {tools.helm()}")
        say(f"Flux's controller is {tools.flux().kustomize_controller}")
    except BuildFailed as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
