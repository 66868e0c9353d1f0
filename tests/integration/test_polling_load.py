"""Ten thousand PinnedReleases over five hundred pairs, counted at a real registry."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.polling import INTERVAL_S, SETTLE_S, asking, fleet, pushed

from controlplane.binaries import ensure
from controlplane.registry import Registry
from pinnedrelease.core.registry import Presence

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
    before = len(registry.requests())
    async with asking(registry.address, everything) as questions:
        await asyncio.sleep(INTERVAL_S - SETTLE_S)
        first_round = len(registry.requests()) - before
        await asyncio.sleep(INTERVAL_S)
        second_round = len(registry.requests()) - before - first_round
        facts = questions.facts()

    # The first time each digest is read as well; later its tag answers for it.
    assert first_round == 2 * PAIRS
    assert second_round <= PAIRS
    assert second_round > 0.8 * PAIRS
    assert {one.digest.presence for one in facts} == {Presence.FOUND}
    assert {one.tag.presence for one in facts} == {Presence.FOUND}
    assert set(questions.woken) == set(everything)
