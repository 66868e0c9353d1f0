"""``python -m benchmarks.spans``: what spans cost a pass, and what importing OpenTelemetry costs.

CPU time of this process, so that it says the same on a busy machine. The pass is the cheapest one
there is: two reads in memory and nothing to do.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from memory_cluster import MemoryCluster
from pinnedrelease.controller.spans import Spans
from pinnedrelease.controller.tracer import Tracer
from pinnedrelease.controller.tracing import Tracing
from pinnedrelease.core.observed import Limits
from pinnedrelease.reconcile.clock import SystemClock
from pinnedrelease.reconcile.gather import Key
from pinnedrelease.reconcile.reconciler import Reconciler
from worlds import DONE, release, workload

KEY = Key("shop", "web")
PASSES = 500
ROUNDS = 9
IMPORT = """
import time, pinnedrelease.controller.main
from pathlib import Path

def now():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return time.process_time(), pages * 4 / 1024

before = now()
import pinnedrelease.controller.tracer
after = now()
print(after[0] - before[0], after[1] - before[1])
"""


class Nowhere(SpanExporter):
    """Takes spans and forgets them: what an exporter costs is its own matter."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002
        """Forget them."""
        return SpanExportResult.SUCCESS


async def microseconds_a_pass(spans: Spans) -> float:
    """The median of some rounds."""
    cluster = MemoryCluster(release(), workload())
    reconciler = Reconciler(
        spans.reads(cluster), spans.writes(cluster), cluster, SystemClock(), Limits()
    )
    reconcile = spans.passes(reconciler.reconcile)
    await reconcile(KEY)
    assert cluster.target is not None
    cluster.target = replace(cluster.target, rollout=DONE)
    await reconcile(KEY)
    figures = []
    for _ in range(ROUNDS):
        begun_s = time.process_time()
        for _ in range(PASSES):
            await reconcile(KEY)
        figures.append((time.process_time() - begun_s) / PASSES * 1e6)
    return statistics.median(figures)


def main() -> None:
    """Print the figures."""
    nowhere = Tracing(Tracer((BatchSpanProcessor(Nowhere()),), Resource.get_empty()))
    plain = asyncio.run(microseconds_a_pass(Spans()))
    traced = asyncio.run(microseconds_a_pass(nowhere))
    nowhere.close()
    said = subprocess.run(
        [sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True
    ).stdout
    import_s, import_mib = map(float, said.split())
    print(f"a pass without tracing       {plain:8.0f} us of CPU")
    print(f"a pass with three spans      {traced:8.0f} us of CPU")
    print(f"importing OpenTelemetry      {import_s * 1e3:8.0f} ms of CPU")
    print(f"                             {import_mib:8.1f} MiB")


if __name__ == "__main__":
    main()
