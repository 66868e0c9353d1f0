"""``make bench``: every figure of docs/performance.md, or some sections of it.

Prints a table and leaves figures.json (by section, each with the commit that it is of) and
figures.svg in a folder. A target that is missed as docs/performance.md argues is told as such.
With --quick most sections run small, and only ratios that are far off end it with 1.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks import admission, adopt, commands, declare, drift, polling, scale
from benchmarks.figures import Figure, Verdict, is_far_off, plot, table, to_wire, write


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much of everything."""

    repetitions: int
    fleet: tuple[int, ...]
    adopted: int
    reference: int
    sharded: int
    """0: not measured. Two shards show nothing with few objects."""
    burst: int
    pairs: int
    commands: int
    admission: tuple[int, ...]


FULL = Sizes(
    repetitions=500, fleet=(1_000, 3_000, 10_000), adopted=10_000, reference=1_000, sharded=2_500,
    burst=1_000, pairs=500, commands=20, admission=(1, 100, 1_000),
)  # fmt: skip
QUICK = Sizes(
    repetitions=40, fleet=(300,), adopted=200, reference=100, sharded=0,
    burst=100, pairs=50, commands=5, admission=(1,),
)  # fmt: skip
QUICK_SECTIONS = ("drift", "declare", "adopt", "commands")
"""The others wait for minutes, whatever their size."""
SECTIONS: Mapping[str, Callable[[Sizes], list[Figure]]] = {
    "drift": lambda sizes: drift.run(sizes.repetitions),
    "declare": lambda sizes: declare.run(sizes.repetitions, sizes.burst),
    "adopt": lambda sizes: adopt.run(sizes.adopted, sizes.reference, sizes.sharded),
    "scale": lambda sizes: scale.run(sizes.fleet, min(sizes.repetitions, 100)),
    "polling": lambda sizes: polling.run(sizes.pairs, sizes.pairs * 20),
    "commands": lambda sizes: commands.run(sizes.commands),
    "admission": lambda sizes: admission.run(sizes.admission, 40),
}


def main() -> int:
    """0: every target met or argued; with --quick: none missed by far."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", choices=(*SECTIONS, []), help="default: all")
    parser.add_argument("--quick", action="store_true", help="small, with wide margins")
    parser.add_argument("--output", type=Path, default=Path("build/bench"))
    given = parser.parse_args()
    # SIGTERM ends it as Ctrl-C does: what it has started is stopped, and its folder removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    figures: list[Figure] = []
    for name in given.sections or (QUICK_SECTIONS if given.quick else SECTIONS):
        begun_s = time.monotonic()
        found = SECTIONS[name](QUICK if given.quick else FULL)
        took_s = time.monotonic() - begun_s
        print(f"\n{name}, {took_s:.0f} s\n{table(found)}", flush=True)
        write(name, to_wire(found, _commit(), took_s), given.output)
        figures += found
        plot(figures, given.output)
    print(f"\n{given.output}/figures.json, {given.output}/figures.svg")
    missed = [
        one.full_name
        for one in figures
        if (is_far_off(one) if given.quick else one.verdict is Verdict.MISSED)
    ]  # fmt: skip
    for name in missed:
        print(f"{'far off' if given.quick else 'missed'}: {name}")
    return int(bool(missed))


def _commit() -> str:
    """Of the code that was measured; with a mark where it was changed since."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return described.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
