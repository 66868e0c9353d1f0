"""Schedule, sharing and limits of the poller, by a clock of the test's own."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from pinnedrelease.core.digest import Digest
from pinnedrelease.core.reference import parse_repository
from pinnedrelease.core.registry import Presence, TroubleKind
from pinnedrelease.registry import poller
from pinnedrelease.registry.access import Access
from pinnedrelease.registry.entry import Follower, Wanted
from pinnedrelease.registry.errors import (
    Crowded,
    NotAllowed,
    NotTrusted,
    RateLimited,
    RegistryError,
    Unauthorized,
    Unreachable,
)
from pinnedrelease.registry.inquiry import Question, Reply, Subject
from pinnedrelease.registry.line import Line
from pinnedrelease.registry.pace import Pace
from pinnedrelease.registry.poller import Poller
from registry_parts import access, password

HOST = "registry.example.com"
DIGEST = Digest.parse("sha256:" + "a" * 64)
OTHER = Digest.parse("sha256:" + "b" * 64)
FOUND = Reply(presence=Presence.FOUND, digest=DIGEST)
MISSING = Reply(presence=Presence.MISSING)


class ManualClock:
    """Time that passes only when the test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic_s(self) -> float:
        return self.now_s

    def unit_random(self) -> float:
        return 0.5


@dataclass
class Bench:
    """A poller whose registry is a function."""

    answer: Callable[[Question], Reply] = lambda _: FOUND
    asked: list[tuple[float, Question]] = field(default_factory=list)
    woken: Counter[Follower] = field(default_factory=Counter)
    running: int = 0
    most_at_once: int = 0
    hold: asyncio.Event | None = None

    def __post_init__(self) -> None:
        self.clock = ManualClock()
        self.poller = Poller(self, self.clock, self._wake, rate_per_s=20.0)

    async def ask(self, question: Question, *, with_content: bool) -> Reply:  # noqa: ARG002
        self.asked.append((self.clock.now_s, question))
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            if self.hold is not None:
                await self.hold.wait()
            return self.answer(question)
        finally:
            self.running -= 1

    def _wake(self, followers: frozenset[Follower]) -> None:
        self.woken.update(followers)

    async def run(self, test: Callable[[], Awaitable[None]]) -> None:
        """Run the poller beside a test."""
        task = asyncio.create_task(self.poller.run())
        try:
            await test()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def pass_time(self, seconds: float, step_s: float = 0.25) -> None:
        """Let time pass in small steps."""
        for _ in range(int(seconds / step_s)):
            self.clock.now_s += step_s
            self.poller._wake.set()
            for _ in range(4):
                await asyncio.sleep(0)

    def times(self, question: Question) -> list[float]:
        """When a question was asked."""
        return [at_s for at_s, asked in self.asked if asked == question]


def tag(name: str = "web", host: str = HOST, asker: Access | None = None) -> Question:
    return Question(Subject.TAG, parse_repository(f"{host}/{name}"), "1.0", asker or access())


async def test_ten_thousand_releases_over_five_hundred_pairs_cost_a_thousand_requests() -> None:
    bench = Bench()
    interval_s = 300.0
    pairs = [
        (tag(f"web-{number}"), Question(Subject.DIGEST, tag(f"web-{number}").repository,
                                        str(DIGEST), access()))
        for number in range(500)
    ]  # fmt: skip
    for number in range(10_000):
        wish = Wanted(interval_s=interval_s)
        bench.poller.follow(number, dict.fromkeys(pairs[number % 500], wish))

    async def test() -> None:
        for rounds in (1, 2):
            await bench.pass_time(interval_s, 0.5)
            assert len(bench.asked) <= 1000 * rounds
        assert len(bench.asked) > 1800
        per_second = Counter(int(at_s) for at_s, _ in bench.asked)
        assert max(per_second.values()) <= 30
        window = [at_s for at_s, _ in bench.asked]
        for start_s in range(1000, 1300, 10):
            inside = [at_s for at_s in window if start_s <= at_s < start_s + interval_s]
            assert len(inside) <= 1000

    await bench.run(test)


async def test_a_question_is_asked_once_an_interval_and_never_more_often() -> None:
    bench, question = Bench(), tag()
    bench.poller.follow("one", {question: Wanted(interval_s=10.0)})
    bench.poller.follow("two", {question: Wanted(interval_s=60.0)})

    async def test() -> None:
        await bench.pass_time(100.0)
        times = bench.times(question)
        gaps = [after - before for before, after in itertools.pairwise(times)]
        assert all(10.0 <= gap <= 11.0 for gap in gaps)
        bench.poller.drop("one")
        before = len(bench.times(question))
        await bench.pass_time(119.0)
        assert len(bench.times(question)) - before <= 3

    await bench.run(test)


async def test_nobody_asks_what_nobody_wants_any_more() -> None:
    bench, question = Bench(), tag()
    bench.poller.follow("one", {question: Wanted(interval_s=5.0)})

    async def test() -> None:
        await bench.pass_time(1.0)
        bench.poller.follow("one", {})
        await bench.pass_time(30.0)
        assert len(bench.asked) == 1
        assert len(bench.poller) == 0

    await bench.run(test)


@pytest.mark.parametrize(
    "error",
    [Unreachable("refused"), RateLimited("slower", retry_after_s=None), Unauthorized("no")],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
async def test_a_question_that_fails_after_its_last_follower_has_left_harms_nobody(
    error: RegistryError,
) -> None:
    """A PinnedRelease is deleted while its registry is being asked: the process must live."""

    def answer(question: Question) -> Reply:
        if question == left:
            raise error
        return FOUND

    left, kept = tag("left"), tag("kept", "other.example.com")
    bench = Bench(answer)
    bench.hold = asyncio.Event()
    bench.poller.follow("leaving", {left: Wanted(interval_s=10.0)})
    bench.poller.follow("staying", {kept: Wanted(interval_s=10.0)})

    async def test() -> None:
        await bench.pass_time(10.0)
        assert bench.times(left)
        bench.poller.drop("leaving")
        assert bench.hold is not None
        bench.hold.set()
        await bench.pass_time(60.0)
        assert len(bench.times(kept)) >= 5

    await bench.run(test)


async def test_followers_are_woken_only_when_the_answer_changes() -> None:
    bench, question = Bench(), tag()
    bench.poller.follow("one", {question: Wanted(interval_s=5.0)})

    async def test() -> None:
        await bench.pass_time(30.0)
        assert bench.woken["one"] == 1
        bench.answer = lambda _: Reply(presence=Presence.FOUND, digest=OTHER)
        await bench.pass_time(30.0)
        assert bench.woken["one"] == 2
        assert bench.poller.known(question).fact.digest == OTHER

    await bench.run(test)


LATER = Wanted(interval_s=86_400.0, within_s=3600.0)
"""As single platforms are asked for while nothing hangs on them."""


async def test_what_nobody_was_in_a_hurry_for_is_asked_at_once_when_somebody_is() -> None:
    """A pod that runs other content is proven to by what is in the platforms of the pin."""
    bench = Bench()

    async def test() -> None:
        bench.poller.follow("pods", {tag(): LATER})
        await bench.pass_time(10)
        assert bench.times(tag()) == []

        bench.poller.follow("pods", {tag(): Wanted(interval_s=86_400.0, with_content=True)})
        await bench.pass_time(5)
        assert len(bench.times(tag())) == 1

    await bench.run(test)


@pytest.mark.parametrize("is_held", [False, True], ids=["answered", "being asked"])
async def test_what_is_in_a_digest_is_read_at_once_when_somebody_wants_to_know(
    *, is_held: bool
) -> None:
    """It had been asked for before, but only whether it is there: the next time is tomorrow."""
    hold = asyncio.Event()
    bench = Bench(hold=hold)

    async def test() -> None:
        bench.poller.follow("pods", {tag(): Wanted(interval_s=86_400.0)})
        if not is_held:
            hold.set()
        await bench.pass_time(5)
        assert len(bench.times(tag())) == 1

        bench.poller.follow("pods", {tag(): Wanted(interval_s=86_400.0, with_content=True)})
        hold.set()
        await bench.pass_time(10)
        assert len(bench.times(tag())) == 2

    await bench.run(test)


async def test_missing_needs_a_second_answer_and_found_needs_none() -> None:
    bench, question = Bench(answer=lambda _: MISSING), tag()
    bench.poller.follow("one", {question: Wanted(interval_s=600.0)})

    async def test() -> None:
        await bench.pass_time(5.0)
        fact = bench.poller.known(question).fact
        assert (fact.presence, fact.confirmed) == (Presence.MISSING, False)
        await bench.pass_time(70.0)
        assert bench.poller.known(question).fact.is_certainly_missing
        bench.answer = lambda _: FOUND
        await bench.pass_time(70.0)
        assert bench.poller.known(question).fact.presence is Presence.FOUND

    await bench.run(test)


async def test_a_request_to_ask_now_is_obeyed_but_not_within_two_seconds() -> None:
    bench, question = Bench(), tag()
    bench.poller.follow("one", {question: Wanted(interval_s=3600.0)})

    async def test() -> None:
        await bench.pass_time(1.0)
        for _ in range(10):
            bench.poller.ask_now("one")
            await bench.pass_time(0.5)
        times = bench.times(question)
        assert len(times) == 3
        assert all(b - a >= 2.0 for a, b in itertools.pairwise(times))

    await bench.run(test)


async def test_r19_one_host_gets_four_questions_at_once_and_all_hosts_thirty_two() -> None:
    bench = Bench(hold=asyncio.Event())
    for host in range(20):
        for number in range(25):
            question = tag(f"web-{number}", f"registry-{host}.example.com")
            bench.poller.follow((host, number), {question: Wanted(interval_s=600.0)})

    async def test() -> None:
        await bench.pass_time(5.0)
        assert bench.most_at_once == 32
        by_host = Counter(question.repository.host for _, question in bench.asked)
        assert max(by_host.values()) == 4
        assert bench.hold is not None
        bench.hold.set()
        await bench.pass_time(30.0)
        assert len(bench.asked) == 500

    await bench.run(test)


async def test_slow_hosts_do_not_hold_every_place_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Eight names with four questions each that nobody answers: no other host was ever asked."""
    monkeypatch.setattr(poller, "QUESTION_S", 0.05)

    class Slow(Bench):
        async def ask(self, question: Question, *, with_content: bool) -> Reply:
            if question.repository.host.startswith("slow"):
                await asyncio.sleep(3600)
            return await super().ask(question, with_content=with_content)

    bench = Slow()
    for host, number in itertools.product(range(8), range(8)):
        question = tag(f"web-{number}", f"slow-{host}.example.com")
        bench.poller.follow((host, number), {question: Wanted(interval_s=1.0, urgent=True)})

    async def test() -> None:
        await bench.pass_time(1.0)
        bench.poller.follow("good", {tag(): Wanted(interval_s=600.0, urgent=True)})
        for _ in range(3):
            await bench.pass_time(5.0)
            await asyncio.sleep(0.1)
        assert bench.times(tag())

    await bench.run(test)


async def test_who_has_been_served_stands_behind_the_others() -> None:
    bench = Bench(hold=asyncio.Event())
    hosts = [f"registry-{number}.example.com" for number in range(12)]
    for host, number in itertools.product(hosts, range(8)):
        wish = Wanted(interval_s=600.0, urgent=True)
        bench.poller.follow((host, number), {tag(f"web-{number}", host): wish})

    async def test() -> None:
        await bench.pass_time(2.0)
        assert len(bench.asked) == 32
        assert bench.hold is not None
        bench.hold.set()
        bench.hold = asyncio.Event()
        await bench.pass_time(2.0)
        second = {question.repository.host for _, question in bench.asked[32:64]}
        assert set(hosts[8:]) <= second

    await bench.run(test)


async def test_a_missing_digest_is_asked_for_again_in_a_minute_whatever_is_wished_then() -> None:
    """The pass that told of it wished no hurry any more, and with that the minute was lost."""
    bench = Bench(answer=lambda _: MISSING)
    bench.poller.follow("web", {tag(): Wanted(interval_s=600.0, urgent=True)})

    async def test() -> None:
        await bench.pass_time(1.0)
        bench.poller.follow("web", {tag(): Wanted(interval_s=600.0)})
        await bench.pass_time(70.0)
        assert len(bench.times(tag())) == 2

    await bench.run(test)


async def test_a_defect_of_ours_with_one_question_leaves_its_host_open() -> None:
    def answer(question: Question) -> Reply:
        if question.repository.path == "odd":
            raise OverflowError("a defect")
        return FOUND

    bench = Bench(answer=answer)
    for number in range(40):
        wish = Wanted(interval_s=1.0, urgent=True)
        bench.poller.follow(number, {tag("odd", asker=access(password(str(number)))): wish})

    async def test() -> None:
        await bench.pass_time(20.0)
        bench.poller.follow("good", {tag(): Wanted(interval_s=600.0, urgent=True)})
        await bench.pass_time(10.0)
        assert len(bench.times(tag())) == 1

    await bench.run(test)


async def test_docker_hub_gets_two_requests_a_second() -> None:
    bench = Bench()
    for number in range(100):
        question = Question(Subject.TAG, parse_repository(f"team/web-{number}"), "1", access())
        bench.poller.follow(number, {question: Wanted(interval_s=600.0)})

    async def test() -> None:
        await bench.pass_time(20.0)
        assert len(bench.asked) <= 10 + 2 * 20

    await bench.run(test)


async def test_a_new_pin_overtakes_regular_questions() -> None:
    bench = Bench()
    for number in range(400):
        bench.poller.follow(number, {tag(f"web-{number}"): Wanted(interval_s=600.0)})

    async def test() -> None:
        await bench.pass_time(1.0)
        urgent = tag("new")
        bench.poller.follow("new", {urgent: Wanted(interval_s=600.0, urgent=True)})
        await bench.pass_time(0.5)
        assert bench.times(urgent)
        assert len(bench.asked) < 60

    await bench.run(test)


async def test_more_questions_than_the_rate_allows_stretch_the_interval() -> None:
    bench = Bench()
    for number in range(400):
        bench.poller.follow(number, {tag(f"web-{number}"): Wanted(interval_s=10.0)})

    async def test() -> None:
        await bench.pass_time(120.0)
        rate = len(bench.asked) / 120.0
        assert rate <= 20.0
        times = bench.times(tag("web-7"))
        gaps = [b - a for a, b in itertools.pairwise(times)]
        assert all(20.0 <= gap <= 35.0 for gap in gaps)

    await bench.run(test)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Unreachable("down"), TroubleKind.UNREACHABLE),
        (Unauthorized("no"), TroubleKind.UNAUTHORIZED),
        (ValueError("a defect of ours"), TroubleKind.BAD_ANSWER),
    ],
)
async def test_trouble_keeps_the_last_answer_until_it_is_too_old(
    error: Exception, kind: TroubleKind
) -> None:
    bench, question = Bench(), tag()
    bench.poller.follow("one", {question: Wanted(interval_s=60.0)})

    def fail(_: Question) -> Reply:
        raise error

    async def test() -> None:
        await bench.pass_time(1.0)
        bench.answer = fail
        await bench.pass_time(600.0, 1.0)
        fact = bench.poller.known(question).fact
        assert fact.trouble is not None
        assert fact.trouble.kind is kind
        assert fact.at(bench.clock.now_s).presence is Presence.FOUND
        assert bench.woken["one"] == 1
        await bench.pass_time(900.0, 1.0)
        assert fact.at(bench.clock.now_s).presence is None
        assert bench.woken["one"] == 2

    await bench.run(test)


async def test_a_refused_password_is_not_repeated_for_a_quarter_of_an_hour() -> None:
    bench, question = Bench(), tag(asker=access(password("wrong")))
    bench.poller.follow("one", {question: Wanted(interval_s=10.0)})

    def fail(_: Question) -> Reply:
        raise Unauthorized("no")

    async def test() -> None:
        bench.answer = fail
        await bench.pass_time(800.0, 1.0)
        assert len(bench.asked) == 1
        corrected = tag(asker=access(password("right")))
        bench.answer = lambda _: FOUND
        bench.poller.follow("one", {corrected: Wanted(interval_s=10.0)})
        await bench.pass_time(1.0)
        assert bench.poller.known(corrected).fact.presence is Presence.FOUND

    await bench.run(test)


async def test_a_wish_for_a_pause_holds_back_the_whole_host_and_no_other() -> None:
    bench = Bench()

    def limited(question: Question) -> Reply:
        if question.repository.host == HOST:
            raise RateLimited("slow down", retry_after_s=120.0)
        return FOUND

    bench.answer = limited
    for number in range(10):
        bench.poller.follow(number, {tag(f"web-{number}"): Wanted(interval_s=600.0)})
        elsewhere = tag(f"web-{number}", "other.example.com")
        bench.poller.follow(f"other-{number}", {elsewhere: Wanted(interval_s=600.0)})

    async def test() -> None:
        await bench.pass_time(100.0)
        here = [at_s for at_s, one in bench.asked if one.repository.host == HOST]
        assert len(here) <= 4
        assert sum(one.repository.host != HOST for _, one in bench.asked) == 10

    await bench.run(test)


async def test_a_dead_host_is_probed_ever_more_rarely() -> None:
    bench = Bench()

    def dead(_: Question) -> Reply:
        raise Unreachable("down")

    bench.answer = dead
    for number in range(200):
        bench.poller.follow(number, {tag(f"web-{number}"): Wanted(interval_s=10.0)})

    async def test() -> None:
        await bench.pass_time(3600.0, 1.0)
        assert len(bench.asked) < 40
        bench.answer = lambda _: FOUND
        await bench.pass_time(700.0, 1.0)
        known = [bench.poller.known(tag(f"web-{number}")) for number in range(200)]
        assert all(one.fact.presence is Presence.FOUND for one in known)

    await bench.run(test)


async def test_who_waits_for_a_host_that_is_left_alone_is_told_at_once() -> None:
    bench = Bench()

    def dead(_: Question) -> Reply:
        raise Unreachable("down")

    bench.answer = dead
    for number in range(10):
        bench.poller.follow(number, {tag(f"web-{number}"): Wanted(interval_s=10.0)})

    async def test() -> None:
        await bench.pass_time(2.0)
        assert len(bench.asked) < 10
        assert all(bench.woken[number] == 1 for number in range(10))

        bench.poller.follow("late", {tag("late"): Wanted(interval_s=10.0, urgent=True)})

        trouble = bench.poller.known(tag("late")).fact.trouble
        assert trouble is not None
        assert trouble.kind is TroubleKind.UNREACHABLE

    await bench.run(test)


@pytest.mark.parametrize("error", [NotTrusted("whose?"), NotAllowed("no"), Crowded("wait")])
async def test_the_faults_of_one_asker_do_not_close_the_host_for_others(
    error: RegistryError,
) -> None:
    """Without a private authority in one namespace, all namespaces waited for five minutes."""
    bench = Bench()
    theirs = {number: tag(f"bad-{number}") for number in range(20)}

    def answer(question: Question) -> Reply:
        if question in theirs.values():
            raise error
        return FOUND

    bench.answer = answer
    for number, question in theirs.items():
        bench.poller.follow(number, {question: Wanted(interval_s=10.0)})

    async def test() -> None:
        await bench.pass_time(5.0)
        assert {question for _, question in bench.asked} == set(theirs.values())
        bench.poller.follow("good", {tag("good"): Wanted(interval_s=10.0, urgent=True)})
        await bench.pass_time(1.0)
        assert bench.poller.known(tag("good")).fact.presence is Presence.FOUND
        trouble = bench.poller.known(theirs[0]).fact.trouble
        assert trouble is not None
        assert trouble.kind is TroubleKind.UNREACHABLE

    await bench.run(test)


async def test_what_is_not_allowed_does_not_open_a_host_that_is_left_alone() -> None:
    bench = Bench()
    refused = tag("refused")
    failures: list[int] = []

    def answer(question: Question) -> Reply:
        failures.append(bench.poller._lanes[HOST].pace.failures)
        raise NotAllowed("no") if question == refused else Unreachable("down")

    bench.answer = answer
    for number in range(10):
        bench.poller.follow(number, {tag(f"web-{number}"): Wanted(interval_s=10.0)})

    async def test() -> None:
        await bench.pass_time(2.0)
        bench.poller.follow("refused", {refused: Wanted(interval_s=10.0, urgent=True)})
        await bench.pass_time(60.0)
        order = [question for _, question in bench.asked]
        assert refused in order
        assert failures == sorted(failures)

    await bench.run(test)


async def test_equal_credentials_share_a_request_and_different_ones_do_not() -> None:
    bench = Bench()
    wish = Wanted(interval_s=600.0)
    bench.poller.follow("shop/web", {tag(asker=access(password("one"))): wish})
    bench.poller.follow("shop/api", {tag(asker=access(password("one"))): wish})
    bench.poller.follow("bank/web", {tag(asker=access(password("two"))): wish})
    bench.poller.follow("open/web", {tag(): wish})

    async def test() -> None:
        await bench.pass_time(10.0)
        assert len(bench.asked) == 3

    await bench.run(test)


def test_a_line_gives_due_items_urgent_ones_first_and_each_once() -> None:
    line: Line[str] = Line()
    line.put("late", 30.0)
    line.put("first", 10.0)
    line.put("second", 11.0)
    line.put("urgent", 12.0, urgent=True)
    line.put("first", 10.5)
    line.put("gone", 1.0)
    line.remove("gone")

    assert line.next_at_s() == 10.5
    assert [line.take(20.0) for _ in range(4)] == ["urgent", "first", "second", None]
    assert len(line) == 1
    assert line.next_at_s() == 30.0


def test_a_pace_never_exceeds_its_rate() -> None:
    pace, now_s, started = Pace(rate_per_s=5.0, at_once=100), 0.0, 0
    while now_s < 100.0:
        wait_s = pace.wait_s(now_s)
        assert wait_s is not None
        if wait_s > 0:
            now_s += wait_s
            continue
        pace.started(now_s)
        pace.answered()
        started += 1

    assert started <= 10 + 5 * 100 + 1


def test_errors_of_the_registry_room_show_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    asker = access(password("canary-password", "canary-user"))
    print(asker, asker.credentials, tag(asker=asker), repr(tag(asker=asker)))  # noqa: T201

    assert "canary" not in capsys.readouterr().out
    assert issubclass(RateLimited, RegistryError)
