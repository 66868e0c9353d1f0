"""Laws of the history, over arbitrary commands and crashes."""

from __future__ import annotations

import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from arbitrary_worlds import PINS, overrides, pins
from pinnedrelease.core.actions import Action, ApplyImages, RecordIntent, WriteStatus
from pinnedrelease.core.history import History, Revision, RevisionResult
from pinnedrelease.core.observed import Memory, Observed
from pinnedrelease.core.pin import DesiredPin, OnFailure, Override, Pin
from pinnedrelease.core.plan import plan
from pinnedrelease.core.workload import Fence, Rollout
from worlds import DONE, after, at, container, desired, release, workload, world

STUCK = Rollout(desired=3, current=4, updated=1, ready=3)
LIMIT = 4
NOT_APPLIED = RevisionResult.NOT_APPLIED
Command = tuple[str, Pin | Override | int | None]

commands = st.lists(
    st.one_of(
        st.tuples(st.just("declare"), pins),
        st.tuples(st.just("override"), st.none() | overrides),
        st.tuples(st.just("drift"), st.none()),
        st.tuples(st.just("pods ready"), st.none()),
        st.tuples(st.just("pods stuck"), st.none()),
        st.tuples(st.just("pass"), st.integers(0, 5)),
        st.tuples(st.just("pass"), st.just(5)),
        st.tuples(st.just("restart"), st.none()),
    ),
    min_size=1,
    max_size=25,
)


class Life:
    """A world that people command, and an operator that dies in the middle of its passes."""

    def __init__(self) -> None:
        self.seconds = 0
        spec = desired(PINS[0], revision_history_limit=LIMIT, on_failure=OnFailure.ROLL_BACK)
        self.observed: Observed = world(release(spec), workload())
        self.stored: list[History] = []
        self.written: list[Pin] = []
        """Every pair that an accepted workload write has put in force."""
        self.applied: set[int] = set()
        """The numbers of their revisions."""

    def do(self, command: str, detail: Pin | Override | int | None) -> None:
        self.seconds += 301
        match command:
            case "declare" if isinstance(detail, Pin):
                self._spec(pin=detail)
            case "override":
                self._spec(override=detail)
            case "drift":
                self._workload(containers=(container("registry.example.com/team/web:dev"),))
            case "pods ready":
                self._workload(rollout=DONE)
            case "pods stuck":
                self._workload(rollout=STUCK)
            case "restart":
                self.observed = replace(self.observed, memory=Memory())
            case _:
                assert isinstance(detail, int)
                self._pass(detail)

    def _pass(self, actions: int) -> None:
        """One pass, of which so many actions are carried out before the process dies."""
        decided = plan(self.observed, at(self.seconds))
        done = decided.actions[:actions]
        for one in done:
            self._note(one)
        survived = len(done) == len(decided.actions)
        memory = decided.memory if survived else Memory()
        self.observed = after(self.observed, replace(decided, actions=done, memory=memory))
        if any(isinstance(one, ApplyImages) for one in done):
            of = self.observed.release
            fence = Fence(release_uid=of.uid, generation=of.generation)
            self._workload(fences=((of.name, fence),))

    def _note(self, action: Action) -> None:
        if isinstance(action, RecordIntent | WriteStatus):
            self.stored.append(action.status.history)
        if isinstance(action, ApplyImages) and action.pinned:
            self.written.append(action.pinned[0].pin)
            head = self.stored[-1].head if self.stored else None
            if head is not None and head.pin == action.pinned[0].pin:
                self.applied.add(head.number)

    def _spec(self, **changes: object) -> None:
        of = self.observed.release
        assert isinstance(of.spec, DesiredPin)
        spec = replace(of.spec, **changes)  # type: ignore[arg-type]
        changed = replace(of, spec=spec, generation=of.generation + 1)
        self.observed = replace(self.observed, release=changed)

    def _workload(self, **changes: object) -> None:
        assert self.observed.workload is not None
        changed = replace(self.observed.workload, **changes)  # type: ignore[arg-type]
        self.observed = replace(self.observed, workload=changed)


def lived(script: list[Command]) -> Life:
    life = Life()
    for command, detail in script:
        life.do(command, detail)
    return life


@given(commands)
def test_intervals_have_neither_gap_nor_overlap(script: list[Command]) -> None:
    for history in lived(script).stored:
        assert len(history.revisions) <= LIMIT
        numbers = {one.number for one in history.revisions}
        in_force = [one for one in history.revisions if one.result is not NOT_APPLIED]
        for newer, older in itertools.pairwise(in_force):
            assert older.deploy_time <= newer.deploy_time
            assert newer.pin != older.pin or newer.number > older.number + 1
            if numbers.issuperset(range(older.number, newer.number)):
                assert older.supersede_time == newer.deploy_time
            elif older.supersede_time != newer.deploy_time:
                assert older is in_force[-1], "only the one that is kept for a rollback"
                assert older.result is RevisionResult.SUCCEEDED
        for one in history.revisions:
            assert one.result is not NOT_APPLIED or one.supersede_time == one.deploy_time
        assert history.revisions[0].supersede_time is None


@given(commands)
def test_what_was_written_is_never_said_not_to_have_been(script: list[Command]) -> None:
    life = lived(script)
    for history in life.stored:
        denied = {one.number for one in history.revisions if one.result is NOT_APPLIED}
        assert denied.isdisjoint(life.applied)


@given(commands)
def test_a_number_names_one_revision_for_ever(script: list[Command]) -> None:
    seen: dict[int, Revision] = {}
    for history in lived(script).stored:
        for one in history.revisions:
            first = seen.setdefault(one.number, one)
            assert (first.pin, first.action, first.cause, first.deploy_time) == (
                one.pin, one.action, one.cause, one.deploy_time,
            )  # fmt: skip


@given(commands)
def test_what_was_written_had_been_recorded(script: list[Command]) -> None:
    life = lived(script)
    recorded = {one.pin for history in life.stored for one in history.revisions}

    assert set(life.written) <= recorded


@given(commands)
def test_an_outcome_that_is_recorded_does_not_change_but_to_success(script: list[Command]) -> None:
    final = {"Succeeded", "Superseded", "NotApplied"}
    outcomes: dict[int, str] = {}
    for history in lived(script).stored:
        for one in history.revisions:
            before = outcomes.get(one.number)
            assert before not in final or str(one.result) == before, (one.number, before)
            outcomes[one.number] = str(one.result)
