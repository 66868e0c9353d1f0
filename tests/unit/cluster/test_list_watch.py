"""The watch of pods: lists, follows, resumes, and what it does when it may not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import pytest

from pinnedrelease.cluster import paths
from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.errors import ClusterError, Forbidden, Gone, NotFound, Unavailable
from pinnedrelease.cluster.list_watch import PAGE, PAGE_REPEATS, REFUSALS, ListWatch
from pinnedrelease.cluster.pods import OwnedPod, watched_pod
from pinnedrelease.cluster.session import Session
from pinnedrelease.cluster.watch_book import LONGEST_PAUSE_S
from virtual_time import run_virtually

PODS = "/api/v1/pods"
LIST = {"limit": str(PAGE)}


def pod(name: str, version: str = "11", **changes: object) -> Any:
    """A StatefulSet's pod, as it is stored."""
    owner = {"kind": "StatefulSet", "name": "web", "uid": "u", "controller": True}
    metadata = {"name": name, "namespace": "shop", "uid": name, "resourceVersion": version}
    return {"metadata": {**metadata, "ownerReferences": [owner]}, **changes}


def page(*pods: Any, version: str = "10", following: str = "") -> Any:
    """One page of a list."""
    metadata = {"resourceVersion": version, "continue": following}
    return {"metadata": metadata, "items": list(pods)}


def event(kind: str, document: Any) -> Any:
    """One event of a watch."""
    return {"type": kind, "object": document}


def failure(code: int) -> Any:
    """The event by which a server ends a watch with an error."""
    return event("ERROR", {"kind": "Status", "code": code, "message": "so it is"})


class ScriptedSession(Session):
    """Answers from a script: a page for a list, events for a watch, an error for either.

    When the script has been played, it is silent for ever.
    """

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.played = asyncio.Event()

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Document:
        """The next step of the script, which has to be a page."""
        step = await self._next(path, query or {})
        assert isinstance(step, dict), f"a list is asked for, {step} comes next"
        return Document.of(step)

    async def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[Document]:
        """The next step of the script, which has to be a list of events."""
        step = await self._next(path, query)
        assert isinstance(step, list), f"a watch is asked for, {step} comes next"
        for one in step:
            if isinstance(one, ClusterError):
                raise one
            yield Document.of(one)

    async def _next(self, path: str, query: Mapping[str, str]) -> Any:
        if not self.script:
            self.played.set()
            await asyncio.Event().wait()
        self.asked.append((path, dict(query)))
        step = self.script.pop(0)
        if isinstance(step, ClusterError):
            raise step
        return step


class Listener:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, object]] = []

    def replace_all(self, namespace: str | None, items: list[OwnedPod]) -> None:
        """All pods."""
        self.told.append((f"all of {namespace}", [one.pod.name for one in items]))

    def changed(self, item: OwnedPod) -> None:
        """One pod."""
        self.told.append(("changed", item.pod.name))

    def gone(self, item: OwnedPod) -> None:
        """One pod less."""
        self.told.append(("gone", item.pod.name))

    def of_no_interest(self, uid: str) -> None:
        """One that cannot be of interest."""
        self.told.append(("of no interest", uid))

    def not_allowed(self, namespace: str | None) -> None:
        """No pods."""
        self.told.append(("not allowed", namespace))


def watching(
    session: Session, listener: Listener, namespace: str | None = None, chance: float = 0.0
) -> ListWatch[OwnedPod]:
    """A watch of pods."""
    return ListWatch(session, paths.PODS, namespace, watched_pod(), listener, lambda: chance)


async def play(
    session: ScriptedSession, namespace: str | None = None, chance: float = 0.0
) -> list[tuple[str, object]]:
    """Run a watch until its session is silent; returns what it has told."""
    listener = Listener()
    task = asyncio.create_task(watching(session, listener, namespace, chance).run())
    played = asyncio.create_task(session.played.wait())
    await asyncio.wait({task, played}, timeout=5, return_when=asyncio.FIRST_COMPLETED)
    task.cancel()
    played.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert session.played.is_set(), f"not asked for: {session.script}"
    return listener.told


def versions(session: ScriptedSession) -> list[str]:
    """What was asked for: ``list``, or the version that a watch began at."""
    return [query.get("resourceVersion", "list") for _, query in session.asked]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made; nobody waits for them."""
    made: list[float] = []

    async def pause(delay_s: float) -> None:
        made.append(delay_s)

    monkeypatch.setattr(asyncio, "sleep", pause)
    return made


async def test_all_pages_are_read_and_told_as_one_before_the_watch_begins() -> None:
    session = ScriptedSession(
        page(pod("a"), pod("b"), version="9", following="next"), page(pod("c"), version="12")
    )

    told = await play(session)

    assert told == [("all of None", ["a", "b", "c"])]
    assert session.asked == [(PODS, LIST), (PODS, {**LIST, "continue": "next"})]


async def test_a_watch_begins_at_the_version_of_the_list_and_asks_for_bookmarks() -> None:
    session = ScriptedSession(page(version="12"), [])

    told = await play(session, "shop")

    assert told == [("all of shop", [])]
    path = "/api/v1/namespaces/shop/pods"
    watched = {"resourceVersion": "12", "allowWatchBookmarks": "true"}
    assert session.asked == [(path, LIST), (path, watched)]


async def test_each_event_tells_what_has_happened_to_a_pod() -> None:
    session = ScriptedSession(
        page(),
        [
            event("ADDED", pod("a")),
            event("MODIFIED", pod("b")),
            event("BOOKMARK", pod("c")),
            event("DELETED", pod("d")),
        ],
    )

    told = await play(session)

    assert told[1:] == [("changed", "a"), ("changed", "b"), ("gone", "d")]


async def test_a_watch_that_ends_goes_on_from_the_last_version_without_a_list(
    pauses: list[float],
) -> None:
    bookmark = event("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": "40"}})
    session = ScriptedSession(
        page(version="10"),
        [],
        [event("ADDED", pod("a", "20")), event("DELETED", pod("a", "30"))],
        [bookmark],
        [event("MODIFIED", pod("b", "50")), event("MODIFIED", {"metadata": {}})],
        [],
    )

    await play(session)

    assert versions(session) == ["list", "10", "10", "30", "40", "50"]
    assert pauses == []


@pytest.mark.parametrize(
    "too_old", [Gone("too old"), [event("ADDED", pod("a")), failure(410)]], ids=["raised", "event"]
)
async def test_a_version_that_is_too_old_leads_to_a_new_list(too_old: Any) -> None:
    session = ScriptedSession(page(version="10"), too_old, page(pod("b"), version="60"), [])

    told = await play(session)

    assert versions(session) == ["list", "10", "list", "60"]
    assert told[-1] == ("all of None", ["b"])


async def test_pages_that_are_too_old_are_read_from_the_first_one_again() -> None:
    session = ScriptedSession(
        page(pod("a"), following="next"), Gone("token expired"), page(pod("b"), version="60")
    )

    told = await play(session)

    assert told == [("all of None", ["b"])]
    assert session.asked[2] == (PODS, LIST)


async def test_a_page_that_does_not_come_is_asked_for_again_and_the_others_are_kept(
    pauses: list[float],
) -> None:
    """On a busy server one page in ten was late, and the list of a large fleet never complete."""
    late = [Unavailable("late"), Unavailable("busy", retry_after_s=3.0)]
    session = ScriptedSession(
        page(pod("a"), following="next"), *late, page(pod("b"), version="60"), []
    )

    told = await play(session)

    assert told == [("all of None", ["a", "b"])]
    assert [query.get("continue") for _, query in session.asked[:4]] == [None] + ["next"] * 3
    assert pauses == [0.1, 3.0]


async def test_a_page_that_never_comes_makes_the_list_begin_anew(pauses: list[float]) -> None:
    late = [Unavailable("late")] * (PAGE_REPEATS + 1)
    session = ScriptedSession(page(pod("a"), following="next"), *late, page(pod("b")), [])

    told = await play(session)

    assert told == [("all of None", ["b"])]
    assert session.asked[len(late) + 1] == (PODS, LIST)
    assert pauses == [0.1, 0.2, 0.1]


@pytest.mark.parametrize("refusals", [REFUSALS, REFUSALS + 3])
@pytest.mark.parametrize(
    ("before", "version"), [([], "list"), ([page(version="10")], "10")], ids=["list", "watch"]
)
async def test_when_pods_may_not_be_read_it_is_told_and_tried_again_later(
    pauses: list[float], before: list[Any], version: str, refusals: int
) -> None:
    refused = [Forbidden("no")] * refusals
    session = ScriptedSession(*before, *refused, page(version="60"), [])

    told = await play(session)

    times = refusals - REFUSALS + 1
    assert [what for what, _ in told] == [
        *["all of None"] * len(before), *["not allowed"] * times, "all of None",
    ]  # fmt: skip
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6] + [LONGEST_PAUSE_S] * times
    assert versions(session)[len(before) :][:REFUSALS] == [version] * REFUSALS
    assert versions(session)[-2:] == ["list", "60"]


async def test_an_api_server_that_refuses_for_a_moment_after_its_start_is_not_believed(
    pauses: list[float],
) -> None:
    """It knows no roles yet; the watches were given up, and 45 s later the process ended."""
    refused = [Forbidden("roles are not read yet")] * (REFUSALS - 1)
    session = ScriptedSession(page(version="10"), *refused, [], *refused, [])

    told = await play(session)

    assert told == [("all of None", [])]
    assert versions(session) == ["list"] + ["10"] * (2 * REFUSALS)
    assert max(pauses) < 2


async def test_other_errors_are_tried_again_with_growing_pauses(pauses: list[float]) -> None:
    session = ScriptedSession(
        Unavailable("down"),
        NotFound("no such kind"),
        page(version="10"),
        Unavailable("reset"),
        [failure(500)],
        [],
        Unavailable("reset"),
    )

    told = await play(session)

    assert told == [("all of None", [])]
    assert versions(session) == ["list", "list", "list", "10", "10", "10", "10"]
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 0.1])


async def test_a_watch_that_breaks_off_goes_on_where_it_was() -> None:
    """Each break lost what had come since the list, so that replays grew, and pauses with them."""
    session = ScriptedSession(
        page(version="10"),
        [event("ADDED", pod("a", "20")), Unavailable("reset")],
        [event("BOOKMARK", {"metadata": {"resourceVersion": "40"}}), failure(500)],
        [],
    )

    told = await play(session)

    assert versions(session) == ["list", "10", "20", "40"]
    assert told == [("all of None", []), ("changed", "a")]


def test_a_watch_that_has_lived_is_no_failure_in_a_row() -> None:
    """A load balancer that cuts after four minutes made drift wait for 20 s each time."""

    class LastingSession(ScriptedSession):
        async def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[Document]:
            if len(self.script) > 1:
                await asyncio.sleep(240)
            async for one in super().watch(path, query):
                yield one

    session = LastingSession(page(version="10"), *[Unavailable("cut")] * 8)

    async def story() -> None:
        began_s = asyncio.get_running_loop().time()
        task = asyncio.create_task(watching(session, Listener()).run())
        await session.played.wait()
        task.cancel()
        assert asyncio.get_running_loop().time() - began_s < 7 * 241

    run_virtually(story())


async def test_an_object_that_no_reader_was_made_for_does_not_end_the_watch(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def read(document: Document) -> OwnedPod | None:
        if document.child("metadata").text("name") == "odd":
            raise OverflowError("date value out of range")
        return watched_pod()(document)

    session = ScriptedSession(page(pod("odd"), pod("a")), [event("MODIFIED", pod("odd"))], [])
    listener = Listener()
    task = asyncio.create_task(
        ListWatch(session, paths.PODS, None, read, listener, lambda: 0.0).run()
    )
    await asyncio.wait_for(session.played.wait(), 5)
    task.cancel()

    assert listener.told == [("all of None", ["a"]), ("of no interest", "odd")]
    assert [record.getMessage() for record in caplog.records] == ["reading an object failed"] * 2


async def test_chance_spreads_the_pauses(pauses: list[float]) -> None:
    await play(ScriptedSession(Unavailable("down")), chance=0.5)

    assert pauses == pytest.approx([0.075])


async def test_a_pod_that_cannot_be_read_is_left_out_and_the_others_stay(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken, orphan = pod("broken", "33", spec="none"), pod("orphan")
    orphan["metadata"]["ownerReferences"] = []
    session = ScriptedSession(
        page(pod("a"), broken, orphan, pod("b")),
        [event("ADDED", orphan), event("ADDED", pod("c")), event("MODIFIED", broken)],
        [event("ADDED", pod("d"))],
    )

    with caplog.at_level(logging.WARNING):
        told = await play(session)

    assert told == [
        ("all of None", ["a", "b"]),
        ("of no interest", "orphan"),
        ("changed", "c"),
        ("of no interest", "broken"),
        ("changed", "d"),
    ]
    assert versions(session) == ["list", "10", "33"]
    assert [record.getMessage() for record in caplog.records] == ["object not read"] * 2


@pytest.mark.parametrize(
    "script",
    [[], [page()], [Forbidden("no")], [Unavailable("down")]],
    ids=["list", "watch", "long pause", "pause"],
)
async def test_it_ends_when_it_is_cancelled_wherever_it_is(script: list[Any]) -> None:
    session = ScriptedSession(*script)
    task = asyncio.create_task(watching(session, Listener()).run())
    await asyncio.wait({task}, timeout=0.05)
    assert not task.done()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
