"""Passes begin once the first list of each watch is there, but do not wait for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable

SYNC_S = 20.0


class FirstLists:
    """Counts the watches whose first list has not come yet."""

    def __init__(self, watches: int) -> None:
        self._watches = watches
        self._came: set[Hashable] = set()
        self._complete = asyncio.Event()

    @property
    def are_awaited(self) -> bool:
        """Whether there is something to wait for still."""
        return not self._complete.is_set()

    def one_came(self, watch: Hashable) -> None:
        """This watch has listed; that it lists anew later on says nothing about the others."""
        self._came.add(watch)
        if len(self._came) >= self._watches:
            self._complete.set()

    def give_up(self) -> None:
        """One of them will not come: nobody waits any more."""
        self._complete.set()

    async def wait(self) -> None:
        """Return when all are there, or after SYNC_S seconds."""
        try:
            async with asyncio.timeout(SYNC_S):
                await self._complete.wait()
        except TimeoutError:
            return
