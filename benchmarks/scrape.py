"""What one scrape of many PinnedReleases costs, and how long it keeps the event loop waiting."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator

from metrics_worlds import fleet
from pinnedrelease.controller.metrics import Metrics
from pinnedrelease.controller.metrics_server import MetricsServer

COUNTS = (1_000, 10_000)
MIB = 2**20


@contextlib.asynccontextmanager
async def pauses_ms() -> AsyncIterator[list[float]]:
    """How late the event loop wakes a task that sleeps for a millisecond, each time."""
    found: list[float] = []

    async def wake() -> None:
        while True:
            asleep_at_s = time.perf_counter()
            await asyncio.sleep(0.001)
            found.append((time.perf_counter() - asleep_at_s - 0.001) * 1000)

    task = asyncio.create_task(wake())
    await asyncio.sleep(0)
    yield found
    task.cancel()


async def measure(count: int) -> None:
    """One scrape by a process that has scraped less before."""
    metrics, many = Metrics(), fleet(count)
    metrics.watch_releases(lambda: many)
    server = MetricsServer(metrics)
    await MetricsServer(Metrics()).render("", may_zip=True)
    async with pauses_ms() as idle:
        await asyncio.sleep(0.5)
    before = _peak()
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    async with pauses_ms() as busy:
        body, _ = await server.render("", may_zip=True)
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    text, _ = await server.render("", may_zip=False)
    print(
        f"{count:6} releases  {len(text) / MIB:5.1f} MiB  {len(body) / MIB:5.2f} MiB zipped  "
        f"{cpu_s:5.2f} s cpu  {wall_s:5.2f} s  peak {_peak() - before:+4.0f} MiB  "
        f"pauses: {_middle(busy):.1f} ms, longest {max(busy):.0f} ms (idle: {max(idle):.0f} ms)"
    )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(measure(int(sys.argv[1])))
    else:
        # A process each: the peak of one would hide the next one's.
        for number in COUNTS:
            subprocess.run([sys.executable, "-m", "benchmarks.scrape", str(number)], check=True)
