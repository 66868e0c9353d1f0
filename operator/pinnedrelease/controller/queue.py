"""A keyed work queue: each key at most once in line and once in work, newest wish wins."""

from __future__ import annotations

import asyncio
from collections import deque

from pinnedrelease.reconcile.gather import Key

SPACING_S = 0.05
"""The shortest time between two passes of one key. The first pass after a rest starts at once;
a burst of events for one key costs at most twenty passes a second, whatever its rate."""


class WorkQueue:
    """First come, first served over keys; a key that is woken while in work runs once more."""

    def __init__(self, *, spacing_s: float = SPACING_S) -> None:
        self._spacing_s = spacing_s
        self._line: deque[Key] = deque()
        self._waiting: set[Key] = set()
        self._in_work: set[Key] = set()
        self._woken_in_work: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._finished_at_s: dict[Key, float] = {}
        self._available = asyncio.Semaphore(0)

    def add(self, key: Key) -> None:
        """Run a pass for this key soon. Adding it again before it runs changes nothing."""
        if key in self._in_work:
            self._woken_in_work.add(key)
            return
        if key in self._waiting:
            return
        pause_s = self._pause_s(key)
        if pause_s > 0:
            self.add_after(key, pause_s)
            return
        self._cancel_timer(key)
        self._waiting.add(key)
        self._line.append(key)
        self._available.release()

    def add_after(self, key: Key, delay_s: float) -> None:
        """Run a pass for this key after a delay, or sooner if it is woken. The sooner wish wins."""
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None and timer.when() <= loop.time() + delay_s:
            return
        self._cancel_timer(key)
        self._timers[key] = loop.call_later(delay_s, self._timer_fired, key)

    async def take(self) -> Key:
        """The next key, now in work. Call :meth:`done` for it afterwards, whatever happens."""
        await self._available.acquire()
        key = self._line.popleft()
        self._waiting.discard(key)
        self._in_work.add(key)
        return key

    def done(self, key: Key) -> None:
        """The pass has ended. If the key was woken meanwhile it runs again."""
        self._in_work.discard(key)
        self._finished_at_s[key] = asyncio.get_running_loop().time()
        if key in self._woken_in_work:
            self._woken_in_work.discard(key)
            self.add(key)

    def forget(self, key: Key) -> None:
        """Drop what is kept about a key that does not exist any more."""
        self._cancel_timer(key)
        self._finished_at_s.pop(key, None)

    def __len__(self) -> int:
        return len(self._line)

    def _timer_fired(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def _cancel_timer(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    def _pause_s(self, key: Key) -> float:
        finished_at_s = self._finished_at_s.get(key)
        if finished_at_s is None:
            return 0.0
        return finished_at_s + self._spacing_s - asyncio.get_running_loop().time()
