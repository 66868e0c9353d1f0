"""What the poller keeps of one question: who wants it asked how often, and what came of it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from pinnedrelease.core.proof import Content
from pinnedrelease.core.registry import NOBODY_ASKS, Fact, Presence, Trouble
from pinnedrelease.registry.inquiry import Question, Reply

Follower = Hashable
CONFIRM_AFTER_S = 60.0
"""How long after a first "missing" the second question comes; sooner when the interval is."""
SHORTEST_VALIDITY_S = 900.0
NEVER = float("-inf")
LONGEST_RETRY_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How one follower wants a question asked."""

    interval_s: float
    urgent: bool = False
    """Something waits for the first answer."""
    within_s: float = 0.0
    """The first question comes at a random moment within this time."""
    with_content: bool = False
    """What is in the digest is wanted too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of one question."""

    fact: Fact = NOBODY_ASKS
    was_found: bool = False
    content: Content | None = None


@dataclass(slots=True, kw_only=True)
class Entry:
    """One question with its followers."""

    question: Question
    known: Known
    followers: dict[Follower, Wanted] = field(default_factory=dict)
    first_at_s: float = float("inf")
    """When it is asked first."""
    started_at_s: float = NEVER
    missing_since_s: float | None = None
    failures: int = 0
    is_running: bool = False
    again: bool = False
    share_per_s: float = 0.0
    shown: object = None

    @property
    def interval_s(self) -> float:
        """The shortest wish; a long time when nobody follows any more while it is being asked."""
        return min((one.interval_s for one in self.followers.values()), default=LONGEST_RETRY_S)

    @property
    def wants_content(self) -> bool:
        """Whether anybody wants to know what is in the digest."""
        return any(one.with_content for one in self.followers.values())

    def answered(self, reply: Reply, interval_s: float, now_s: float) -> float:
        """Note a clear answer; returns the seconds until the question comes again."""
        self.failures = 0
        is_missing = reply.presence is Presence.MISSING
        confirm_after_s = min(interval_s, CONFIRM_AFTER_S)
        since_s = self.missing_since_s
        confirmed = not is_missing or (since_s is not None and now_s - since_s >= confirm_after_s)
        self.missing_since_s = (now_s if since_s is None else since_s) if is_missing else None
        self.known = Known(
            fact=Fact(
                presence=reply.presence,
                confirmed=confirmed,
                digest=reply.digest,
                answered_at_s=now_s,
                valid_for_s=max(3 * interval_s, SHORTEST_VALIDITY_S),
                asked_since_s=self.known.fact.asked_since_s,
            ),
            was_found=self.known.was_found or not is_missing,
            content=reply.content or self.known.content,
        )
        return confirm_after_s if is_missing else interval_s

    def troubled(self, trouble: Trouble) -> None:
        """Note an attempt without a clear answer; the last clear one stays, and ages."""
        self.known = replace(self.known, fact=replace(self.known.fact, trouble=trouble))

    def has_news(self, now_s: float) -> bool:
        """Whether the followers would see something else than when this was asked last."""
        fact = self.known.fact.at(now_s)
        visible = (
            fact.presence,
            fact.confirmed,
            fact.digest,
            fact.trouble if fact.presence is None else None,
            fact.is_given_up(now_s),
            self.known.content,
        )
        changed = visible != self.shown
        self.shown = visible
        return changed
