"""What a registry is asked for ten thousand PinnedReleases over five hundred pairs.

The operator's own parts (questions, schedule, client) against a real registry; the API server has
no part in it. Counted in the registry's own log.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from benchmarks.figures import Figure
from controlplane.binaries import ensure
from controlplane.registry import Registry
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import Pin
from pinnedrelease.core.registry import Presence, RegistryFacts, RegistryWish
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
FEWEST = 0.9
"""Of the pairs: whoever asks nothing is not frugal."""


def run(pairs: int, releases: int) -> list[Figure]:
    """The section: the first look reads what is in a digest, and is not counted."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Registry(ensure().registry, Path(folder) / "registry") as registry,
    ):
        asked = asyncio.run(_asked_in_rounds(registry, pairs, releases))
    if asked < FEWEST * ROUNDS * pairs:
        raise RuntimeError(f"only {asked} requests in {ROUNDS} intervals: not every pair was asked")
    return [
        Figure(
            name=f"registry requests an interval, {releases} releases over {pairs} pairs",
            value=asked / ROUNDS, unit="",
            reference=pairs, reference_name="distinct pairs", at_most=1.0,
        )
    ]  # fmt: skip


async def _asked_in_rounds(registry: Registry, pairs: int, releases: int) -> int:
    pins = await asyncio.to_thread(pushed, registry, pairs)
    async with asking(registry.address, fleet(pins, releases)) as questions:
        await asyncio.sleep(INTERVAL_S + SETTLE_S)
        before = len(registry.requests())
        await asyncio.sleep(ROUNDS * INTERVAL_S)
        asked = len(registry.requests()) - before
        if not all(one.digest.presence is Presence.FOUND for one in questions.facts()):
            raise RuntimeError("not every digest was found")
    return asked


class Questions:
    """What these PinnedReleases want to know, and what they have been told."""

    def __init__(self, everything: Mapping[Key, Release], poller: Poller, keyrings: Keyrings):
        self._everything = everything
        self._watch = RegistryWatch(poller, keyrings, SystemClock())
        self.woken: Counter[object] = Counter()

    def wake(self, keys: frozenset[object]) -> None:
        """Ask again for these, as a pass does."""
        self.woken.update(keys)
        for key in self._everything.keys() & keys:
            self._facts_of(key)

    def facts(self) -> list[RegistryFacts]:
        """What is known for each."""
        return [self._facts_of(key) for key in self._everything]

    def _facts_of(self, key: Key) -> RegistryFacts:
        return self._watch.observe(key, self._everything[key], workload())


@asynccontextmanager
async def asking(address: str, everything: Mapping[Key, Release]) -> AsyncIterator[Questions]:
    """The operator's parts at work. Raises what has ended one of them."""
    clock = SystemClock()

    def wake(keys: frozenset[object]) -> None:
        questions.wake(keys)

    async with parts(address) as room, asyncio.TaskGroup() as running:
        poller = Poller(room.inquiry, clock, wake, rate_per_s=100.0)
        keyrings = Keyrings(NoSecrets(), clock, wake)
        questions = Questions(everything, poller, keyrings)
        tasks = [running.create_task(poller.run()), running.create_task(keyrings.run())]
        questions.facts()
        yield questions
        for task in tasks:
            task.cancel()


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
