"""Asks each distinct question once an interval, however many PinnedReleases want the answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from pinnedrelease.core.registry import Fact, Trouble, TroubleKind
from pinnedrelease.registry.entry import (
    CONFIRM_AFTER_S,
    LONGEST_RETRY_S,
    NEVER,
    Entry,
    Follower,
    Known,
    Wanted,
)
from pinnedrelease.registry.errors import (
    NotAllowed,
    RateLimited,
    RegistryError,
    Unreachable,
)
from pinnedrelease.registry.inquiry import Question, Reply, trouble_of
from pinnedrelease.registry.lane import Lane, is_silence
from pinnedrelease.registry.pace import spread
from pinnedrelease.registry.refusals import REFUSED_RETRY_S

log = logging.getLogger(__name__)

AT_ONCE = 32
JITTER = 0.05
"""A round comes up to so much later than the interval, and never earlier: at most one request
per interval, and rounds that began together part."""
SHORTEST_SPACING_S = 2.0
FIRST_RETRY_S = 5.0
QUESTION_S = 60.0
"""One question may take several requests: candidates, tokens, manifests."""


class Clock(Protocol):
    """Time and chance."""

    def monotonic_s(self) -> float:
        """Seconds that only grow."""

    def unit_random(self) -> float:
        """A number in [0, 1)."""


class Asks(Protocol):
    """What answers a question."""

    async def ask(self, question: Question, *, with_content: bool) -> Reply:
        """One answer. Raises RegistryErrors."""


class Poller:
    """Owns the questions, their schedule and the facts. ``run`` does the asking."""

    def __init__(
        self,
        asks: Asks,
        clock: Clock,
        on_change: Callable[[frozenset[Follower]], None],
        *,
        rate_per_s: float = 20.0,
    ) -> None:
        self._asks = asks
        self._clock = clock
        self._on_change = on_change
        self._rate_per_s = rate_per_s
        self._wishes: dict[Follower, Mapping[Question, Wanted]] = {}
        self._entries: dict[Question, Entry] = {}
        self._lanes: dict[str, Lane] = {}
        self._running = 0
        self._wake = asyncio.Event()

    def follow(self, follower: Follower, wanted: Mapping[Question, Wanted]) -> None:
        """From now on the follower wants these questions asked, and no others."""
        before = self._wishes.get(follower, {})
        if before == wanted:
            return
        self._wishes[follower] = wanted
        for question in before.keys() - wanted.keys():
            self._leave(follower, question)
        for question, wish in wanted.items():
            if before.get(question) != wish:
                self._join(follower, question, wish)
        self._wake.set()

    def drop(self, follower: Follower) -> None:
        """The follower is gone."""
        for question in self._wishes.pop(follower, {}):
            self._leave(follower, question)

    def known(self, question: Question) -> Known:
        """What is known now."""
        entry = self._entries.get(question)
        return entry.known if entry else Known()

    def ask_now(self, follower: Follower) -> None:
        """Ask this follower's questions now, though none twice within two seconds."""
        now_s = self._clock.monotonic_s()
        for question in self._wishes.get(follower, {}):
            entry = self._entries[question]
            if entry.is_running:
                entry.again = True
            else:
                at_s = max(now_s, entry.started_at_s + SHORTEST_SPACING_S)
                self._lane(question).line.put(question, at_s, urgent=True)
        self._wake.set()

    def ask_again(self, question: Question) -> None:
        """Ask one question now whatever is known, and tell of the answer even if it is no news."""
        entry = self._entries.get(question)
        if entry is None:
            return
        entry.shown = None
        if not entry.is_running:
            now_s = self._clock.monotonic_s()
            self._lane(question).line.put(question, now_s, urgent=True)
            self._wake.set()

    def __len__(self) -> int:
        return len(self._entries)

    async def run(self) -> None:
        """Ask, for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                pause_s = self._start_due(group)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._wake.wait()

    def _join(self, follower: Follower, question: Question, wish: Wanted) -> None:
        now_s = self._clock.monotonic_s()
        entry = self._entries.get(question)
        lane = self._lane(question)
        if entry is None:
            fact = Fact(asked_since_s=now_s)
            entry = Entry(question=question, known=Known(fact=fact))
            if lane.pace.is_closed(now_s) and lane.trouble is not None:
                entry.troubled(lane.trouble)
            self._entries[question] = entry
            lane.questions += 1
        is_content_news = wish.with_content and not entry.wants_content and not entry.known.content
        entry.followers[follower] = wish
        lane.account(entry)
        if entry.is_running:
            entry.again = entry.again or is_content_news
            return
        never_answered = entry.known.fact.presence is None and entry.known.fact.trouble is None
        if wish.urgent and never_answered:
            lane.line.put(question, now_s, urgent=True)
        elif entry.started_at_s <= NEVER:
            first_s = now_s + wish.within_s * self._clock.unit_random()
            if first_s < entry.first_at_s:
                entry.first_at_s = first_s
                lane.line.put(question, first_s, urgent=wish.urgent)
        elif is_content_news and not entry.failures:
            # It was only asked whether it is there, and will be for the next time in a day.
            lane.line.put(question, max(now_s, entry.started_at_s + SHORTEST_SPACING_S))
        elif not entry.failures:
            interval_s = lane.interval_s(entry)
            if entry.missing_since_s is not None:
                interval_s = min(interval_s, CONFIRM_AFTER_S)
            lane.line.put(question, entry.started_at_s + interval_s)

    def _leave(self, follower: Follower, question: Question) -> None:
        entry, lane = self._entries[question], self._lane(question)
        del entry.followers[follower]
        if entry.followers:
            lane.account(entry)
            return
        lane.pace.need_per_s -= entry.share_per_s
        lane.questions -= 1
        lane.line.remove(question)
        del self._entries[question]
        self._forget_if_idle(question.repository.host)

    def _forget_if_idle(self, host: str) -> None:
        lane = self._lanes.get(host)
        if lane is not None and not lane.questions and not lane.pace.running:
            del self._lanes[host]

    def _lane(self, question: Question) -> Lane:
        host = question.repository.host
        if host not in self._lanes:
            self._lanes[host] = Lane.to(host, self._rate_per_s)
        return self._lanes[host]

    def _start_due(self, group: asyncio.TaskGroup) -> float | None:
        """Start what is due. Returns the seconds until something may be; None: until woken."""
        now_s = self._clock.monotonic_s()
        pauses: list[float] = []
        # Who has been served stands behind: slow hosts must not hold every place for ever.
        for host, lane in list(self._lanes.items()):
            while self._running < AT_ONCE:
                wait_s, next_at_s = lane.pace.wait_s(now_s), lane.line.next_at_s()
                if wait_s is None or next_at_s is None:
                    break
                pause_s = max(wait_s, next_at_s - now_s)
                if pause_s > 0:
                    pauses.append(pause_s)
                    break
                question = lane.line.take(now_s)
                if question is None:
                    break
                self._start(group, lane, self._entries[question], now_s)
                self._lanes[host] = self._lanes.pop(host)
        return min(pauses) if pauses else None

    def _start(self, group: asyncio.TaskGroup, lane: Lane, entry: Entry, now_s: float) -> None:
        lane.pace.started(now_s)
        self._running += 1
        entry.is_running = True
        entry.started_at_s = now_s
        group.create_task(self._ask(lane, entry), name=f"ask {entry.question}")

    async def _ask(self, lane: Lane, entry: Entry) -> None:
        question = entry.question
        reply: Reply | None = None
        trouble = Trouble(kind=TroubleKind.BAD_ANSWER)
        delay_s = LONGEST_RETRY_S
        try:
            reply = await self._answer(question, with_content=entry.wants_content)
            lane.pace.answered()
            lane.trouble = None
        except RegistryError as error:
            trouble = trouble_of(error)
            delay_s = self._after_error(lane, entry, error)
            if is_silence(error):
                self._tell_of_silence(lane, trouble)
            if entry.known.fact.trouble != trouble:
                log.warning("no answer", extra={"question": str(question), "error": str(error)})
        except asyncio.CancelledError:
            lane.pace.abandoned()
            raise
        except Exception:
            # One strange registry must not end the asking for all others.
            log.exception("question failed", extra={"question": str(question)})
            lane.pace.answered()
            entry.failures += 1
        finally:
            self._running -= 1
            entry.is_running = False
            self._wake.set()
        if self._entries.get(question) is not entry:
            self._forget_if_idle(question.repository.host)
            return
        now_s = self._clock.monotonic_s()
        if reply is not None:
            round_s = entry.answered(reply, lane.interval_s(entry), now_s)
            delay_s = self._next_round_s(round_s)
        else:
            entry.troubled(trouble)
        if entry.again:
            entry.again, delay_s = False, SHORTEST_SPACING_S
        lane.line.put(question, entry.started_at_s + delay_s)
        if entry.has_news(now_s):
            self._on_change(frozenset(entry.followers))

    async def _answer(self, question: Question, *, with_content: bool) -> Reply:
        try:
            async with asyncio.timeout(QUESTION_S):
                return await self._asks.ask(question, with_content=with_content)
        except TimeoutError as error:
            host = question.repository.host
            raise Unreachable(f"{host} did not answer within {QUESTION_S:.0f} s") from error

    def _tell_of_silence(self, lane: Lane, trouble: Trouble) -> None:
        """A host that is left alone for a while: nobody has to wait to learn that."""
        lane.trouble = trouble
        now_s = self._clock.monotonic_s()
        if not lane.pace.is_closed(now_s):
            return
        for entry in self._entries.values():
            fact = entry.known.fact
            is_waiting = fact.presence is None and fact.trouble is None
            if is_waiting and self._lanes.get(entry.question.repository.host) is lane:
                entry.troubled(trouble)
                if entry.has_news(now_s):
                    self._on_change(frozenset(entry.followers))

    def _after_error(self, lane: Lane, entry: Entry, error: RegistryError) -> float:
        """Note a failure; returns the seconds until the next attempt."""
        now_s, chance = self._clock.monotonic_s(), self._clock.unit_random()
        interval_s = lane.interval_s(entry)
        lane.ended(error, now_s, chance)
        entry.failures += 1
        if isinstance(error, Unreachable | RateLimited):
            growing_s = FIRST_RETRY_S * 2.0 ** min(entry.failures - 1, 20)
            return spread(min(growing_s, max(interval_s, LONGEST_RETRY_S)), chance)
        if isinstance(error, NotAllowed):
            return max(interval_s, LONGEST_RETRY_S)
        if error.coarse is TroubleKind.UNAUTHORIZED and entry.question.access.credentials:
            return max(interval_s, REFUSED_RETRY_S)
        return self._next_round_s(interval_s)

    def _next_round_s(self, interval_s: float) -> float:
        return interval_s * (1.0 + JITTER * self._clock.unit_random())
