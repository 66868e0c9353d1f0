"""Memory that is free goes back to the system."""

from __future__ import annotations

import asyncio
import os

import pytest
from benchmarks.process import resident_mib

from pinnedrelease.controller.free_memory import give_back, trimmer

TEXTS, LENGTH = 20_000, 4_000


async def test_what_is_free_in_pieces_goes_back_to_the_system() -> None:
    """Where lists had been read, two fifths of what they had brought in were such pieces."""
    trim = trimmer()
    if trim is None:
        pytest.skip("not glibc")
    texts = [bytes(LENGTH) for _ in range(TEXTS)]
    kept = texts[::50]
    del texts
    before_mib = resident_mib(os.getpid())

    task = asyncio.create_task(give_back(trim, every_s=0.01))
    for _ in range(100):
        await asyncio.sleep(0.05)
        if resident_mib(os.getpid()) < before_mib - 30:
            break
    task.cancel()

    assert resident_mib(os.getpid()) < before_mib - 30
    assert len(kept) == TEXTS // 50
