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
SLOW_S = 2.0
"""A pass that takes longer waits for somebody who does not answer, a webhook for example."""
SLOW_FOR_S = 120.0
"""How long that is remembered of a key: longer than the longest pause after a failure."""


class Step(StrEnum):
    """What happens to a key."""

    ADDED = "added"
    TAKEN = "taken"
    FINISHED = "finished"


class WorkQueue:
    """First come, first served over keys; a key woken in work or at rest runs once more.

    Of keys whose passes are slow only some are let through at once: what hangs in one place must
    not take the workers from all others.
    """

    def __init__(
        self,
        *,
        spacing_s: float = SPACING_S,
        slow_at_once: int = 1,
        tell: Callable[[Step, float], None] = lambda _step, _seconds: None,
    ) -> None:
        """``tell`` hears of each step, and how long the one before it has lasted."""
        self._spacing_s = spacing_s
        self._slow_at_once = slow_at_once
        self._tell = tell
        self._line: deque[Key] = deque()
        self._waiting: dict[Key, float] = {}
        self._in_work: dict[Key, float] = {}
        """Both with the moment since when."""
        self._slow_until: dict[Key, float] = {}
        self._slow_out: set[Key] = set()
        """Those in line or in work."""
        self._kept_back: deque[Key] = deque()
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
            self._tell(Step.ADDED, 0.0)
            self._line_up(key)

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
        lasted_s = loop.time() - self._in_work.pop(key)
        self._tell(Step.FINISHED, lasted_s)
        if lasted_s > SLOW_S:
            self._slow_until[key] = loop.time() + SLOW_FOR_S
        self._slow_out.discard(key)
        while self._kept_back and len(self._slow_out) < self._slow_at_once:
            # As one that was slow, however long it has waited: else all would go out at once.
            self._let_through(self._kept_back.popleft(), is_slow=True)
        self._resting.add(key)
        loop.call_later(self._spacing_s, self._rest_over, key)

    def in_work_for_s(self) -> list[float]:
        """For how long each of the keys in work has been there."""
        now_s = asyncio.get_running_loop().time()
        return [now_s - since_s for since_s in self._in_work.values()]

    def __len__(self) -> int:
        return len(self._line) + len(self._kept_back)

    def _line_up(self, key: Key) -> None:
        is_slow = self._is_slow(key)
        if is_slow and len(self._slow_out) >= self._slow_at_once:
            self._kept_back.append(key)
        else:
            self._let_through(key, is_slow=is_slow)

    def _let_through(self, key: Key, *, is_slow: bool) -> None:
        if is_slow:
            self._slow_out.add(key)
        self._line.append(key)
        self._available.release()

    def _is_slow(self, key: Key) -> bool:
        until_s = self._slow_until.get(key)
        if until_s is not None and until_s < asyncio.get_running_loop().time():
            del self._slow_until[key]
        return key in self._slow_until

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
