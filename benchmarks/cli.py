"""``make bench-cli``: how long commands take, beside a Python that does nothing."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import operator_process
from controlplane.binaries import ensure
from controlplane.plane import ControlPlane
from namespace import Namespace
from objects import deployment, pinned_release
from operator_process import OperatorProcess

BIN = Path(sys.executable).parent
TARGETS_S = {"pinrel --help": 0.150, "pinrel history": 0.500}


def main() -> int:
    """Print the best and the median of each command, with the target where there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=10)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with ControlPlane(ensure()) as plane:
        times = _measure(plane, given.repetitions)
    for name, seconds in times.items():
        print(_row(name, seconds))
    if given.json is not None:
        given.json.write_text(json.dumps({"times_s": times}, indent=1))
    return 0


def _row(name: str, seconds: list[float]) -> str:
    best_ms, median_ms = min(seconds) * 1000, statistics.median(seconds) * 1000
    target_s = TARGETS_S.get(name)
    verdict = "met" if target_s is not None and median_ms < target_s * 1000 else "MISSED"
    against = f"  target {target_s * 1000:.0f} ms: {verdict}" if target_s is not None else ""
    return f"{name:<28} best {best_ms:5.0f} ms  median {median_ms:5.0f} ms{against}"


def _measure(plane: ControlPlane, repetitions: int) -> dict[str, list[float]]:
    operator_process.install(plane)
    plane.kubectl("create", "namespace", "shop")
    namespace = Namespace(plane, "shop")
    namespace.apply(deployment(), pinned_release(registry={"check": "None"}))
    kubeconfig = plane.service_account_kubeconfig(
        operator_process.NAMESPACE, operator_process.ACCOUNT
    )
    with OperatorProcess(kubeconfig, plane.folder):
        namespace.wait_ready()
    environment = {**os.environ, "KUBECONFIG": str(plane.admin_kubeconfig)}
    pinrel = str(BIN / "pinrel")
    commands = {
        "python -c pass (reference)": [sys.executable, "-c", "pass"],
        "kubectl get (reference)": [
            str(plane.kubectl_path), "get", "pinnedreleases", "web", "-n", "shop",
        ],
        "pinrel --help": [pinrel, "--help"],
        "pinrel history --help": [pinrel, "history", "--help"],
        "pinrel history": [pinrel, "history", "web", "-n", "shop"],
        "pinrel status": [pinrel, "status", "-n", "shop"],
        "pinrel verify": [pinrel, "verify", "-n", "shop"],
        "pinrel __complete hist": [pinrel, "__complete", "hist"],
    }  # fmt: skip
    return {name: _times(command, environment, repetitions) for name, command in commands.items()}


def _times(command: list[str], environment: Mapping[str, str], repetitions: int) -> list[float]:
    seconds: list[float] = []
    for _ in range(repetitions + 1):
        start_s = time.perf_counter()
        subprocess.run(command, env=environment, capture_output=True, check=True)
        seconds.append(time.perf_counter() - start_s)
    # The first run fills the file cache; what people feel comes after it.
    return seconds[1:]


if __name__ == "__main__":
    sys.exit(main())
