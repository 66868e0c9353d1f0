"""A keyed work queue: each key at most once in line and once in work, newest wish wins."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from enum import StrEnum

from pinnedrelease.reconcile.gather import Key

SPACING_S = 0.05
"""How long a key rests after a pass. The first pass after a rest starts at once; a burst of events
for one key costs at most twenty passes a second, whatever its rate."""


class Step(StrEnum):
    """What happens to a key."""

    ADDED = "added"
    TAKEN = "taken"
    FINISHED = "finished"


class WorkQueue:
    """First come, first served over keys; a key woken in work or at rest runs once more."""

    def __init__(
        self,
        *,
        spacing_s: float = SPACING_S,
        tell: Callable[[Step, float], None] = lambda _step, _seconds: None,
    ) -> None:
        """``tell`` hears of each step, and how long the one before it has lasted."""
        self._spacing_s = spacing_s
        self._tell = tell
        self._line: deque[Key] = deque()
        self._waiting: dict[Key, float] = {}
        self._in_work: dict[Key, float] = {}
        """Both with the moment since when."""
        self._resting: set[Key] = set()
        self._woken: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._available = asyncio.Semaphore(0)

    def add(self, key: Key) -> None:
        """Run a pass for this key soon. Adding it again before it runs changes nothing."""
        if key in self._in_work or key in self._resting:
            self._woken.add(key)
        elif key not in self._waiting:
            self._cancel_timer(key)
            self._waiting[key] = asyncio.get_running_loop().time()
            self._line.append(key)
            self._available.release()
            self._tell(Step.ADDED, 0.0)

    def add_after(self, key: Key, delay_s: float) -> None:
        """Run a pass for this key after a delay, or sooner if it is woken. The sooner wish wins."""
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None and timer.when() <= loop.time() + delay_s:
            return
        self._cancel_timer(key)
        self._timers[key] = loop.call_later(delay_s, self._delay_over, key)

    async def take(self) -> Key:
        """The next key, now in work. Call :meth:`done` for it afterwards, whatever happens."""
        await self._available.acquire()
        key = self._line.popleft()
        now_s = asyncio.get_running_loop().time()
        self._in_work[key] = now_s
        self._tell(Step.TAKEN, now_s - self._waiting.pop(key))
        return key

    def done(self, key: Key) -> None:
        """The pass has ended. If the key was woken meanwhile it runs again after its rest."""
        loop = asyncio.get_running_loop()
        self._tell(Step.FINISHED, loop.time() - self._in_work.pop(key))
        self._resting.add(key)
        loop.call_later(self._spacing_s, self._rest_over, key)

    def in_work_for_s(self) -> list[float]:
        """For how long each of the keys in work has been there."""
        now_s = asyncio.get_running_loop().time()
        return [now_s - since_s for since_s in self._in_work.values()]

    def __len__(self) -> int:
        return len(self._line)

    def _rest_over(self, key: Key) -> None:
        self._resting.discard(key)
        if key in self._woken:
            self._woken.discard(key)
            self.add(key)

    def _delay_over(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def _cancel_timer(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
