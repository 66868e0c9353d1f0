"""How long commands take, beside a Python that does nothing."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.drift import wait_ready
from benchmarks.figures import Figure
from benchmarks.stage import stage
from objects import UNASKED, deployment, pinned_release

BIN = Path(sys.executable).parent
TARGETS_MS = {"pinrel --help": 150.0, "pinrel history": 500.0}
USUAL_BARE_MS = 9.0
"""A Python that does nothing, on the machine that the targets are for. On a slower one they are
argued to be as much later."""


def run(repetitions: int) -> list[Figure]:
    """The section: medians."""
    with stage() as here:
        here.namespace("shop").apply(deployment(), pinned_release(registry=UNASKED))
        with here.operator():
            wait_ready(here, "shop", 1)
        environment = {**os.environ, "KUBECONFIG": str(here.plane.admin_kubeconfig)}
        pinrel = str(BIN / "pinrel")
        commands = {
            "pinrel --help": [pinrel, "--help"],
            "pinrel history": [pinrel, "history", "web", "-n", "shop"],
            "pinrel status": [pinrel, "status", "-n", "shop"],
            "pinrel verify": [pinrel, "verify", "-n", "shop"],
            "pinrel __complete hist": [pinrel, "__complete", "hist"],
        }
        bare_ms = _median_ms([sys.executable, "-c", "pass"], environment, repetitions)
        return [
            _figure(name, _median_ms(command, environment, repetitions), bare_ms)
            for name, command in commands.items()
        ]


def _figure(name: str, value_ms: float, bare_ms: float) -> Figure:
    target_ms = TARGETS_MS.get(name)
    slower = max(bare_ms / USUAL_BARE_MS, 1.0)
    return Figure(
        name=name, value=value_ms, unit="ms", at_most=target_ms,
        argued=target_ms and target_ms * slower, note=f"bare Python: {bare_ms:.0f} ms",
    )  # fmt: skip


def _median_ms(command: list[str], environment: Mapping[str, str], repetitions: int) -> float:
    seconds: list[float] = []
    for _ in range(repetitions + 1):
        start_s = time.perf_counter()
        subprocess.run(command, env=environment, capture_output=True, check=True)
        seconds.append(time.perf_counter() - start_s)
    # The first run fills the file cache; what people feel comes after it.
    return statistics.median(seconds[1:]) * 1000
