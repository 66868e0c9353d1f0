"""``python -m controlplane build`` and ``python -m controlplane run``."""

from __future__ import annotations

import contextlib
import signal
import sys

from controlplane.binaries import BuildFailed, ensure
from controlplane.plane import ControlPlane


def main() -> int:
    """Build the programs, or run one control plane until Ctrl-C."""
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command not in ("build", "run"):
        print("usage: python -m controlplane build|run", file=sys.stderr)
        return 2
    try:
        binaries = ensure()
    except BuildFailed as error:
        print(f"control plane: {error}", file=sys.stderr)
        return 1
    if command == "build":
        print(binaries.kube_apiserver.parent)
        return 0
    # From here on SIGTERM ends the run as Ctrl-C does: everything is stopped in order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), ControlPlane(binaries) as plane:
        registry = plane.start_registry()
        print(f"export KUBECONFIG={plane.admin_kubeconfig}")
        print(f"# registry: {registry.address}; Ctrl-C stops everything", flush=True)
        while True:
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
