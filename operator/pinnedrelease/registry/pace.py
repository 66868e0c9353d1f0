"""How fast one registry host may be asked: a rate, a number at once, pauses. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

FAILURES_UNTIL_PROBING = 5
FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 300.0
FIRST_RATE_PAUSE_S = 30.0
LONGEST_RATE_PAUSE_S = 900.0
ROUNDING = 1e-6
"""A token that is so nearly there is there: a shorter wait would not move the clock."""
LOAD_LIMIT = 0.8
"""How much of the rate regular questions may use; the rest is for those that are new."""


@dataclass(slots=True, kw_only=True)
class Pace:
    """One host. Times are monotonic seconds; ``unit_random`` is in [0, 1)."""

    rate_per_s: float
    at_once: int
    burst: float = 10.0
    tokens: float = 10.0
    filled_at_s: float = 0.0
    running: int = 0
    failures: int = 0
    """Attempts in a row that ended without any usable answer."""
    rate_limited: int = 0
    closed_until_s: float = 0.0
    need_per_s: float = 0.0
    """Regular questions per second, by their intervals."""

    @property
    def stretch(self) -> float:
        """By how much intervals are longer than wished, so that the line does not grow for ever."""
        return max(1.0, self.need_per_s / (LOAD_LIMIT * self.rate_per_s))

    def wait_s(self, now_s: float) -> float | None:
        """Seconds until the next request may start; None: not before a running one has ended."""
        limit = 1 if self.failures >= FAILURES_UNTIL_PROBING else self.at_once
        if self.running >= limit:
            return None
        self._fill(now_s)
        missing = 1.0 - self.tokens
        for_token = missing / self.rate_per_s if missing > ROUNDING else 0.0
        return max(0.0, for_token, self.closed_until_s - now_s)

    def is_closed(self, now_s: float) -> bool:
        """Whether the host is left alone, after too many failures or by its own wish."""
        return self.closed_until_s > now_s

    def started(self, now_s: float) -> None:
        """A request starts."""
        self._fill(now_s)
        self.tokens -= 1.0
        self.running += 1

    def answered(self) -> None:
        """A request ended in an answer, of whatever content."""
        self.running -= 1
        self.failures = 0
        self.rate_limited = 0

    def failed(self, now_s: float, unit_random: float) -> None:
        """A request ended in nothing usable. After five in a row one at a time probes."""
        self.running -= 1
        self.failures += 1
        beyond = self.failures - FAILURES_UNTIL_PROBING
        if beyond >= 0:
            pause_s = min(FIRST_PAUSE_S * 2.0 ** min(beyond, 10), LONGEST_PAUSE_S)
            self._close(now_s + spread(pause_s, unit_random))

    def told_to_wait(self, now_s: float, wish_s: float | None, unit_random: float) -> None:
        """The registry wants a pause, of a length that it may have named."""
        self.running -= 1
        self.rate_limited += 1
        growing_s = FIRST_RATE_PAUSE_S * 2.0 ** min(self.rate_limited - 1, 10)
        own_s = spread(min(growing_s, LONGEST_RATE_PAUSE_S), unit_random)
        self._close(now_s + (own_s if wish_s is None else wish_s))

    def abandoned(self) -> None:
        """A request was given up by us; it says nothing about the host."""
        self.running -= 1

    def _close(self, until_s: float) -> None:
        self.closed_until_s = max(self.closed_until_s, until_s)

    def _fill(self, now_s: float) -> None:
        elapsed_s = max(0.0, now_s - self.filled_at_s)
        self.tokens = min(self.burst, self.tokens + elapsed_s * self.rate_per_s)
        self.filled_at_s = max(self.filled_at_s, now_s)


def spread(delay_s: float, unit_random: float) -> float:
    """A delay that is up to a fifth shorter or longer, so that many do not come back together."""
    return delay_s * (0.8 + 0.4 * unit_random)
