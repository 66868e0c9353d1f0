"""Memory that nothing needs any more goes back to the system.

The C library keeps what is free between pieces that are not: where lists had been read, two fifths
of what they had brought in (docs/performance.md).
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable

EVERY_S = 5.0
"""At rest it takes half a millisecond. A start with 10,000 PinnedReleases frees 150 MiB in half a
minute; given back only once a minute, they were part of the most that the process ever had."""


def trimmer() -> Callable[[int], int] | None:
    """``malloc_trim`` of glibc; None with another C library."""
    found: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return found


async def give_back(trim: Callable[[int], int], every_s: float = EVERY_S) -> None:
    """Again and again, in a thread: it takes milliseconds, and passes go on meanwhile."""
    while True:
        await asyncio.sleep(every_s)
        await asyncio.to_thread(trim, 0)
