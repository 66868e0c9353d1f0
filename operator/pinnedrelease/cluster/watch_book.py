"""Which collections are being watched, and how soon one may be watched again."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import Protocol

SHORT_S = 5.0
"""A watch that ended sooner was no watch; the server ends them after minutes."""
LONGEST_PAUSE_S = 20.0


class Open(Protocol):
    """The answer that a watch's events come through."""

    @property
    def closed(self) -> bool:
        """Whether nothing comes any more."""


@dataclass(slots=True)
class _Watch:
    asked_at_s: float
    short_ones: int = 0
    answer: Open | None = None
    open_until_s: float | None = None


class WatchBook:
    """Kept by the session, by collection path. Times are the running loop's."""

    def __init__(self) -> None:
        self._watches: dict[str, _Watch] = {}
        self._first_opened: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def wait_for_turn(self, path: str) -> None:
        """Wait before a watch is asked for whose predecessors ended at once.

        kopf asks again without a pause: 800 times a second of a server that closes at once.
        """
        now_s = asyncio.get_running_loop().time()
        watch = self._watches.get(path)
        if watch is None:
            self._watches[path] = _Watch(asked_at_s=now_s)
            return
        is_short = now_s - watch.asked_at_s < SHORT_S
        watch.short_ones = watch.short_ones + 1 if is_short else 0
        if watch.short_ones:
            await asyncio.sleep(min(LONGEST_PAUSE_S, 2.0 ** (watch.short_ones - 1)))
        watch.asked_at_s = asyncio.get_running_loop().time()

    def opened(self, path: str, answer: Open) -> None:
        """The server has begun to answer."""
        watch = self._watches.setdefault(path, _Watch(asked_at_s=0.0))
        watch.answer = answer
        self._first_opened[path].set()

    def listed(self, path: str) -> None:
        """A page of the collection has come: whoever lists anew before watching is not blind."""
        watch = self._watches.get(path)
        if watch is not None and watch.answer is not None:
            watch.open_until_s = asyncio.get_running_loop().time()

    def were_opened(self) -> frozenset[str]:
        """Collections of which a watch was ever open: their first list is complete by then."""
        return frozenset(path for path, one in self._first_opened.items() if one.is_set())

    async def wait_opened(self, path: str) -> None:
        """Return once a watch of a collection has been open."""
        await self._first_opened[path].wait()

    def closed_for_s(self, path: str) -> float:
        """For how long no watch of an opened collection has been open, as far as was looked."""
        now_s = asyncio.get_running_loop().time()
        watch = self._watches[path]
        if watch.answer is not None and not watch.answer.closed:
            watch.open_until_s = now_s
        if watch.open_until_s is None:
            watch.open_until_s = now_s
        return now_s - watch.open_until_s
