"""The only place that reads clocks and randomness."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from typing import Protocol

from pinnedrelease.core.observed import Instant


class Clock(Protocol):
    """Time and chance, as values."""

    def now(self) -> Instant:
        """This moment on both clocks."""

    def monotonic_s(self) -> float:
        """Seconds that only grow."""

    def unit_random(self) -> float:
        """A number in [0, 1)."""


class SystemClock:
    """The clocks of this machine."""

    def now(self) -> Instant:
        """This moment; wall time in UTC, cut to the whole seconds that the API stores."""
        wall = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - this is the clock
        return Instant(wall=wall, monotonic_s=self.monotonic_s())

    def monotonic_s(self) -> float:
        """Seconds that only grow."""
        return time.monotonic()  # noqa: TID251 - this is the clock

    def unit_random(self) -> float:
        """A number in [0, 1)."""
        return random.random()  # noqa: S311 - spreads retries, guards nothing
