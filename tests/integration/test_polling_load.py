"""Ten thousand PinnedReleases over five hundred pairs, counted at a real registry."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.polling import INTERVAL_S, SETTLE_S, fleet, pushed

from controlplane.binaries import ensure
from controlplane.registry import Registry
from pinnedrelease.core.registry import Presence
from pinnedrelease.reconcile.clock import SystemClock
from pinnedrelease.reconcile.keyring import Keyrings
from pinnedrelease.reconcile.registry_watch import RegistryWatch
from pinnedrelease.registry.poller import Poller
from registry_parts import NoSecrets, parts
from worlds import workload

pytestmark = pytest.mark.integration

PAIRS, RELEASES = 500, 10_000


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    folder: Path = tmp_path_factory.mktemp("load") / "registry"
    with Registry(ensure().registry, folder) as running:
        yield running


async def test_each_distinct_question_is_asked_once_an_interval(registry: Registry) -> None:
    pins = await asyncio.to_thread(pushed, registry, PAIRS)
    everything = fleet(pins, RELEASES)
    clock, target = SystemClock(), workload()
    woken: Counter[object] = Counter()
    async with parts(registry.address) as room:

        def wake(keys: frozenset[object]) -> None:
            woken.update(keys)
            for key in everything.keys() & keys:
                watch.observe(key, everything[key], target)

        poller = Poller(room.inquiry, clock, wake, rate_per_s=100.0)
        keyrings = Keyrings(NoSecrets(), clock, wake)
        watch = RegistryWatch(poller, keyrings, clock)
        tasks = [asyncio.create_task(poller.run()), asyncio.create_task(keyrings.run())]
        try:
            before = len(registry.requests())
            for key, one in everything.items():
                watch.observe(key, one, target)
            await asyncio.sleep(INTERVAL_S - SETTLE_S)
            first_round = len(registry.requests()) - before
            await asyncio.sleep(INTERVAL_S)
            second_round = len(registry.requests()) - before - first_round
            facts = [watch.observe(key, one, target) for key, one in everything.items()]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # The first time each digest is read as well; later its tag answers for it.
    assert first_round == 2 * PAIRS
    assert second_round <= PAIRS
    assert second_round > 0.8 * PAIRS
    assert {one.digest.presence for one in facts} == {Presence.FOUND}
    assert {one.tag.presence for one in facts} == {Presence.FOUND}
    assert set(woken) == set(everything)
