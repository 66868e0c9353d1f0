"""``python -m pinnedrelease``, ``pinrel`` and ``kubectl pinned-release``: opens a front door."""

from __future__ import annotations

import atexit
import gc
import sys
from pathlib import Path


def main() -> int:
    """Start the operator or the CLI. Each imports what it needs and nothing of the other."""
    _leave_quickly()
    arguments = sys.argv[1:]
    if arguments[:1] == ["controller"]:
        from pinnedrelease.controller.main import main as run_operator  # noqa: PLC0415

        return run_operator(arguments[1:])
    if arguments[:1] == ["__complete"]:
        return _complete(arguments[1:])
    try:
        from pinnedrelease.cli.main import main as run_command  # noqa: PLC0415
    except KeyboardInterrupt:
        return 130

    invoked = Path(sys.argv[0]).name
    is_plugin = invoked.startswith("kubectl-")
    return run_command(arguments, "kubectl pinned-release" if is_plugin else "pinrel")


def complete() -> int:
    """``kubectl_complete-pinned_release``: kubectl asks it for the plugin's completion."""
    _leave_quickly()
    return _complete(sys.argv[1:])


def _leave_quickly() -> None:
    """On its way out Python looks for garbage in all that was imported, and the process ends.

    An eighth of the time of a short command (docs/performance.md).
    """
    atexit.register(gc.freeze)


def _complete(words: list[str]) -> int:
    from pinnedrelease.cli.candidates import print_candidates  # noqa: PLC0415

    return print_candidates(words)


if __name__ == "__main__":
    sys.exit(main())
