"""What a registry is asked for ten thousand PinnedReleases over five hundred pairs.

The operator's own parts (questions, schedule, client) against a real registry; the API server has
no part in it. Counted in the registry's own log.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from benchmarks.figures import Figure
from controlplane.binaries import ensure
from controlplane.registry import Registry
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import Pin
from pinnedrelease.core.registry import RegistryWish
from pinnedrelease.reconcile.clock import SystemClock
from pinnedrelease.reconcile.gather import Key
from pinnedrelease.reconcile.keyring import Keyrings
from pinnedrelease.reconcile.registry_watch import RegistryWatch
from pinnedrelease.registry.poller import Poller
from registry_parts import NoSecrets, parts
from worlds import desired, release, workload

NAMESPACES = 20
INTERVAL_S = 30.0
ROUNDS = 2
SETTLE_S = 5.0


def run(pairs: int, releases: int) -> list[Figure]:
    """The section: the first look reads what is in a digest, and is not counted."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Registry(ensure().registry, Path(folder) / "registry") as registry,
    ):
        asked = asyncio.run(_asked_in_rounds(registry, pairs, releases))
    return [
        Figure(
            name=f"registry requests an interval, {releases} releases over {pairs} pairs",
            value=asked / ROUNDS, unit="",
            reference=pairs, reference_name="distinct pairs", at_most=1.0,
        )
    ]  # fmt: skip


async def _asked_in_rounds(registry: Registry, pairs: int, releases: int) -> int:
    pins = await asyncio.to_thread(pushed, registry, pairs)
    everything = fleet(pins, releases)
    async with parts(registry.address) as room:
        clock = SystemClock()

        def wake(keys: frozenset[object]) -> None:
            for key in keys:
                if isinstance(key, Key):
                    watch.observe(key, everything[key], workload())

        poller = Poller(room.inquiry, clock, wake, rate_per_s=100.0)
        keyrings = Keyrings(NoSecrets(), clock, wake)
        watch = RegistryWatch(poller, keyrings, clock)
        tasks = [asyncio.create_task(poller.run()), asyncio.create_task(keyrings.run())]
        try:
            wake(frozenset(everything))
            await asyncio.sleep(INTERVAL_S + SETTLE_S)
            before = len(registry.requests())
            await asyncio.sleep(ROUNDS * INTERVAL_S)
            return len(registry.requests()) - before
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def pushed(registry: Registry, pairs: int) -> list[Pin]:
    """Repositories with one image each."""

    def push(number: int) -> Pin:
        path = f"load/web-{number}"
        digest = registry.push_image(path, "1.0", f"content {number}".encode()).digest
        return Pin.declare(repository=f"{registry.address}/{path}", tag="1.0", digest=digest)

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(push, range(pairs)))


def fleet(pins: Sequence[Pin], count: int) -> dict[Key, Release]:
    """So many PinnedReleases that share these pairs."""
    wish = RegistryWish(interval=timedelta(seconds=INTERVAL_S))
    found: dict[Key, Release] = {}
    for number, pin in zip(range(count), itertools.cycle(pins), strict=False):
        key = Key(f"team-{number % NAMESPACES}", f"web-{number}")
        spec = desired(pin, registry=wish)
        found[key] = release(spec, namespace=key.namespace, name=key.name, uid=f"uid-{number}")
    return found
