"""One host with the questions to it, and what their ends say about the host."""

from __future__ import annotations

from dataclasses import dataclass, field

from pinnedrelease.core.reference import DEFAULT_DOMAIN
from pinnedrelease.core.registry import Trouble
from pinnedrelease.registry.entry import Entry
from pinnedrelease.registry.errors import (
    Crowded,
    NotAllowed,
    NotTrusted,
    RateLimited,
    RegistryError,
    Unreachable,
)
from pinnedrelease.registry.inquiry import Question
from pinnedrelease.registry.line import Line
from pinnedrelease.registry.pace import Pace

AT_ONCE_PER_HOST = 4
HUB_RATE_PER_S = 2.0


@dataclass(slots=True, kw_only=True)
class Lane:
    """One host."""

    pace: Pace
    line: Line[Question] = field(default_factory=Line)
    questions: int = 0
    trouble: Trouble | None = None
    """Why it is left alone for a while, when it is: that is an answer to every question."""

    @classmethod
    def to(cls, host: str, rate_per_s: float) -> Lane:
        """A lane to a host, which Docker Hub wants to be slow."""
        rate = min(rate_per_s, HUB_RATE_PER_S) if host == DEFAULT_DOMAIN else rate_per_s
        return cls(pace=Pace(rate_per_s=rate, at_once=AT_ONCE_PER_HOST))

    def account(self, entry: Entry) -> None:
        """Count what a question needs regularly, by its interval now."""
        self.pace.need_per_s -= entry.share_per_s
        entry.share_per_s = 1.0 / entry.interval_s
        self.pace.need_per_s += entry.share_per_s

    def interval_s(self, entry: Entry) -> float:
        """How often a question is asked: more rarely than wished where there are too many."""
        return entry.interval_s * self.pace.stretch

    def ended(self, error: RegistryError, now_s: float, unit_random: float) -> None:
        """A question ended in an error."""
        match error:
            case NotAllowed() | NotTrusted() | Crowded():
                # One asker's wishes and certificates say nothing about the host to others, and
                # neither do the names for which it had to wait.
                self.pace.abandoned()
            case RateLimited():
                self.pace.told_to_wait(now_s, error.retry_after_s, unit_random)
            case Unreachable():
                self.pace.failed(now_s, unit_random)
            case _:
                self.pace.answered()


def is_silence(error: RegistryError) -> bool:
    """Whether an error is about the host: then it is an answer to all who wait for it."""
    is_of_others = isinstance(error, NotTrusted | Crowded)
    return isinstance(error, Unreachable | RateLimited) and not is_of_others
