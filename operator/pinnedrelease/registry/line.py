"""The questions to one host in the order in which they are due."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)


@dataclass(slots=True)
class Line(Generic[Item]):
    """Each item stands in line once; putting it again moves it. Urgent ones overtake those due."""

    _future: list[tuple[float, int, Item]] = field(default_factory=list)
    _due: list[tuple[int, float, int, Item]] = field(default_factory=list)
    _places: dict[Item, tuple[int, bool]] = field(default_factory=dict)
    """Ticket and urgency of each item; an entry of the heaps with another ticket is void."""
    _tickets: int = 0

    def put(self, item: Item, at_s: float, *, urgent: bool = False) -> None:
        """Put an item in line for a moment."""
        self._tickets += 1
        self._places[item] = (self._tickets, urgent)
        heapq.heappush(self._future, (at_s, self._tickets, item))

    def remove(self, item: Item) -> None:
        """Take an item out of the line."""
        self._places.pop(item, None)

    def next_at_s(self) -> float | None:
        """When the first item is due; a moment in the past when one is due already."""
        while self._due and not self._is_valid(self._due[0][2], self._due[0][3]):
            heapq.heappop(self._due)
        while self._future and not self._is_valid(self._future[0][1], self._future[0][2]):
            heapq.heappop(self._future)
        times = [self._due[0][1]] if self._due else []
        times += [self._future[0][0]] if self._future else []
        return min(times) if times else None

    def take(self, now_s: float) -> Item | None:
        """The next item that is due, now out of the line; None when there is none."""
        while self._future and self._future[0][0] <= now_s:
            at_s, ticket, item = heapq.heappop(self._future)
            if self._is_valid(ticket, item):
                rank = 0 if self._places[item][1] else 1
                heapq.heappush(self._due, (rank, at_s, ticket, item))
        while self._due:
            _, _, ticket, item = heapq.heappop(self._due)
            if self._is_valid(ticket, item):
                del self._places[item]
                return item
        return None

    def __contains__(self, item: object) -> bool:
        return item in self._places

    def __len__(self) -> int:
        return len(self._places)

    def _is_valid(self, ticket: int, item: Item) -> bool:
        place = self._places.get(item)
        return place is not None and place[0] == ticket
