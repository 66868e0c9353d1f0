"""Memory that is free goes back to the system."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pinnedrelease.controller.free_memory import give_back, trimmer

TEXTS, LENGTH = 20_000, 4_000


def resident_mib() -> float:
    line = next(
        one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmRSS")
    )
    return int(line.split()[1]) / 1024


async def test_what_is_free_in_pieces_goes_back_to_the_system() -> None:
    """Half of the process that had listed ten thousand PinnedReleases was such pieces."""
    trim = trimmer()
    if trim is None:
        pytest.skip("not glibc")
    texts = [bytes(LENGTH) for _ in range(TEXTS)]
    kept = texts[::50]
    del texts
    before_mib = resident_mib()

    task = asyncio.create_task(give_back(trim, every_s=0.01))
    for _ in range(100):
        await asyncio.sleep(0.05)
        if resident_mib() < before_mib - 30:
            break
    task.cancel()

    assert resident_mib() < before_mib - 30
    assert len(kept) == TEXTS // 50
