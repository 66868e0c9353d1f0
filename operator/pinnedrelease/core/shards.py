"""Which of several operators looks after a namespace (ADR 15)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_SPELLING = re.compile(r"(\d{1,3})/(\d{1,3})")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of ``count`` equal parts of all namespaces. A namespace is never divided.

    PinnedReleases that claim the same workload are in one namespace, so in one shard.
    """

    number: int = 0
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``number/count``, counted from 0. Raises ValueError."""
        found = _SPELLING.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is not NUMBER/COUNT, for example 0/2")
        number, count = int(found[1]), int(found[2])
        if number >= count:
            raise ValueError(f"{text!r}: shards are counted from 0, so the last one is {count - 1}")
        return cls(number, count)

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def owns(self, namespace: str) -> bool:
        """Whether a namespace is in this part: the same in every process and version."""
        if self.count == 1:
            return True
        hashed = hashlib.sha256(namespace.encode()).digest()
        return int.from_bytes(hashed[:8], "big") % self.count == self.number

    def lease_of(self, name: str) -> str:
        """The Lease of this part: each has a writer of its own."""
        return name if self.count == 1 else f"{name}-{self.number}-of-{self.count}"
