"""A small world with two operators, explored breadth first; they run the real ``plan()``.

The steps are those of production: read the PinnedRelease, read the workload, plan, ask the Lease,
and for each action a write that lands later. In between anything may happen: a user edits the spec,
somebody sets another image, a process dies, an answer is lost, the Lease moves on while a write is
on its way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Generic, NamedTuple, TypeVar

from objects import REPOSITORY
from pinnedrelease.core.actions import (
    Action,
    ApplyImages,
    EmitEvent,
    LetGo,
    RecordIntent,
    WriteStatus,
)
from pinnedrelease.core.observed import Observed, Release
from pinnedrelease.core.pin import DesiredPin, Pin
from pinnedrelease.core.plan import plan
from pinnedrelease.core.reference import try_parse_reference
from pinnedrelease.core.shortcut import needs_no_read
from pinnedrelease.core.workload import FieldChange, Workload
from worlds import DONE, NOON, PIN_A, PIN_B, applied, at, desired, release, workload

Item = TypeVar("Item")
NONE = -1
FOREIGN = f"{REPOSITORY}:1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The protocol; a mutant turns one of these off."""

    records_first: bool = True
    workload_precondition: bool = True
    status_precondition: bool = True
    reads_before_it_plans: bool = True
    asks_the_lease: bool = True


class Budget(NamedTuple):
    """How often something may still happen."""

    edits: int = 2
    foreign: int = 1
    crashes: int = 1
    lost_answers: int = 1
    lease_moves: int = 1


class Process(NamedTuple):
    """An operator: where it is in its pass."""

    phase: str = "idle"
    read: int = NONE
    """The PinnedRelease that this pass goes by."""
    todo: tuple[int, ...] = ()
    remembered: int = NONE
    """The PinnedRelease as the last pass left it (ADR 6)."""
    heard: int = NONE
    """The workload as its watch has told it, some time ago (ADR 14)."""
    newest: int = 0
    """The generation that was the newest when this pass began."""


class State(NamedTuple):
    """Everything, as small numbers: objects are interned."""

    release: int
    workload: int
    leader: int
    processes: tuple[Process, Process]
    budget: Budget
    confirmed: tuple[int, str]
    """The newest generation that a status calls observed, and its digest."""
    ran: frozenset[str]
    """Digests that an operator has put into the workload."""


class Step(NamedTuple):
    """What happened, what came of it, and which promise it broke."""

    label: str
    state: State
    broken: str | None = None


class Interned(Generic[Item]):
    """Equal values get equal numbers."""

    def __init__(self) -> None:
        self._numbers: dict[Item, int] = {}
        self._values: list[Item] = []

    def number(self, value: Item) -> int:
        """The number of a value."""
        found = self._numbers.get(value)
        if found is None:
            found = self._numbers[value] = len(self._values)
            self._values.append(value)
        return found

    def __getitem__(self, number: int) -> Item:
        return self._values[number]


class World:
    """Knows every next state of a state."""

    def __init__(self, rules: Rules, budget: Budget) -> None:
        self._rules = rules
        self._releases: Interned[Release] = Interned()
        self._workloads: Interned[Workload] = Interned()
        self._actions: Interned[Action] = Interned()
        self._plans: dict[tuple[int, int], tuple[tuple[int, ...], bool]] = {}
        self.start = State(
            release=self._releases.number(release(desired(PIN_A))),
            workload=self._workloads.number(workload()),
            leader=0,
            processes=(Process(), Process()),
            budget=budget,
            confirmed=(0, ""),
            ran=frozenset(),
        )

    def steps(self, state: State) -> Iterator[Step]:
        """Everything that may happen next."""
        yield from self._others(state)
        for number in (0, 1):
            yield from self._process(state, number)

    def is_at_rest(self, state: State) -> bool:
        """Whether nobody is in a pass."""
        return all(one.phase == "idle" for one in state.processes)

    def comes_to_rest(self, state: State) -> str | None:
        """P-3: the leader alone, without faults, brings the pin about and falls silent."""
        for _ in range(6):
            now, on = self._releases[state.release], self._workloads[state.workload]
            todo, _ = self._planned(state.release, state.workload)
            if not todo:
                wanted = _declared(now)
                is_so = _digests(on) == {wanted}
                is_told = now.status.observed_generation == now.generation
                return None if is_so and is_told else f"at rest on {_digests(on)}, not {wanted}"
            process = Process("plan", state.release, todo)
            state = state._replace(leader=0, processes=(process, Process()))
            while state.processes[0].phase != "idle":
                state = next(
                    one.state for one in self._process(state, 0) if "loses" not in one.label
                    and "dies" not in one.label
                )  # fmt: skip
        return "never comes to rest"

    def _others(self, state: State) -> Iterator[Step]:
        budget = state.budget
        now, on = self._releases[state.release], self._workloads[state.workload]
        if budget.edits:
            other = PIN_B if _declared(now) == str(PIN_A.digest) else PIN_A
            edited = replace(
                now,
                spec=desired(other),
                generation=now.generation + 1,
                resource_version=str(int(now.resource_version) + 1),
            )
            yield Step(
                f"the user declares {_short(str(other.digest))}",
                state._replace(
                    release=self._releases.number(edited),
                    budget=budget._replace(edits=budget.edits - 1),
                ),
            )
        for image in (FOREIGN, PIN_B.image) if budget.foreign else ():
            changed = replace(
                on,
                resource_version=str(int(on.resource_version) + 1),
                containers=tuple(
                    replace(
                        one,
                        image=image,
                        changed_by=FieldChange(manager="kubectl-set", changed_at=NOON),
                    )
                    for one in on.containers
                ),
                owned_containers=frozenset(),
            )
            yield Step(
                f"somebody sets {_short(image.partition('@')[2]) or 'a tag'}",
                state._replace(
                    workload=self._workloads.number(changed),
                    budget=budget._replace(foreign=budget.foreign - 1),
                ),
            )
        if budget.lease_moves:
            yield Step(
                f"the Lease moves to p{1 - state.leader}",
                state._replace(
                    leader=1 - state.leader,
                    budget=budget._replace(lease_moves=budget.lease_moves - 1),
                ),
            )

    def _process(self, state: State, number: int) -> Iterator[Step]:
        process, budget = state.processes[number], state.budget
        leads = state.leader == number

        def became(after: Process, **more: object) -> State:
            pair = (after, state.processes[1]) if number == 0 else (state.processes[0], after)
            return state._replace(processes=pair, **more)  # type: ignore[arg-type]

        if process.phase != "idle" and budget.crashes:
            spent = budget._replace(crashes=budget.crashes - 1)
            yield Step(f"p{number} dies", became(Process(), budget=spent))
        if process.phase == "idle":
            if leads or not self._rules.asks_the_lease:
                yield Step(
                    f"p{number} reads the PinnedRelease",
                    became(process._replace(phase="read", read=state.release)),
                )
                yield from self._unread(state, number, process, became)
        elif process.phase == "read":
            todo, _ = self._planned(process.read, state.workload)
            after = process._replace(phase="plan", todo=todo)
            if not todo:
                after = Process(remembered=process.read, heard=process.heard)
            yield Step(f"p{number} reads the workload and plans {self._named(todo)}", became(after))
        elif process.phase == "plan":
            if leads:
                yield Step(f"p{number} holds the Lease", became(process._replace(phase="flight")))
            elif self._rules.asks_the_lease:
                # It has lost the Lease: the process ends.
                yield Step(f"p{number} does not hold the Lease", became(Process()))
            else:
                begun = became(process._replace(phase="flight"))
                yield Step(f"p{number} begins a write", begun, "P-11: a write without the Lease")
        else:
            yield from self._landing(state, number, process, became)

    def _unread(
        self, state: State, number: int, process: Process, became: object
    ) -> Iterator[Step]:
        """ADR 6 and 14: a pass may go by what it remembers, and by what it has heard since."""
        if process.remembered == NONE:
            return
        if process.heard != state.workload:
            after = process._replace(heard=state.workload)
            yield Step(f"p{number} hears of the workload", became(after))  # type: ignore[operator]
        if process.heard == NONE:
            return
        todo, may_stand = self._planned(process.remembered, process.heard)
        if todo and (may_stand or not self._rules.reads_before_it_plans):
            newest = self._releases[state.release].generation
            after = process._replace(
                phase="plan", read=process.remembered, todo=todo, newest=newest
            )
            yield Step(f"p{number} plans unread {self._named(todo)}", became(after))  # type: ignore[operator]

    def _landing(
        self, state: State, number: int, process: Process, became: object
    ) -> Iterator[Step]:
        action, rest = self._actions[process.todo[0]], process.todo[1:]
        landed = self._land(state, process.read, action)
        undone = self._undoes_half_a_change(state, process, action)
        if landed is not None and undone is not None:
            landed = (landed[0], undone)
        if landed is None:
            after = Process(remembered=process.remembered, heard=process.heard)
            yield Step(f"p{number}: {_name(action)} is refused", became(after))  # type: ignore[operator]
            return
        stored, broken = landed
        more = {
            "release": stored.release, "workload": stored.workload,
            "confirmed": stored.confirmed, "ran": stored.ran,
        }  # fmt: skip
        read = process.read
        if not isinstance(action, ApplyImages):
            read = self._releases.number(self._as_executed(process.read, stored.release))
        after = process._replace(phase="plan", todo=rest, read=read)
        if isinstance(action, ApplyImages):
            after = after._replace(heard=stored.workload)
        if not rest:
            after = Process(remembered=read, heard=after.heard)
        label = f"p{number}: {_name(action)} is stored"
        yield Step(label, became(after, **more), broken)  # type: ignore[operator]
        if state.budget.lost_answers and broken is None:
            spent = state.budget._replace(lost_answers=state.budget.lost_answers - 1)
            after = Process(remembered=process.remembered, heard=process.heard)
            lost = became(after, budget=spent, **more)  # type: ignore[operator]
            yield Step(f"{label}, and p{number} loses the answer", lost)

    def _undoes_half_a_change(self, state: State, process: Process, action: Action) -> str | None:
        """Somebody has declared a pair and set its image; a pass that began later undoes that."""
        by, now = self._releases[process.read], self._releases[state.release]
        if not isinstance(action, ApplyImages) or by.generation >= process.newest:
            return None
        is_there = _digests(self._workloads[state.workload]) == {_declared(now)}
        written = str(action.pinned[0].pin.digest)
        if not is_there or written == _declared(now):
            return None
        return f"P-1: {_short(written)} over what generation {now.generation} declares"

    def _as_executed(self, read: int, stored: int) -> Release:
        """As ``execute`` carries it on: the new version and status, the spec that was read."""
        now = self._releases[stored]
        return replace(
            self._releases[read], resource_version=now.resource_version, status=now.status
        )

    def _land(self, state: State, read: int, action: Action) -> tuple[State, str | None] | None:
        if isinstance(action, ApplyImages):
            return self._land_workload(state, action)
        assert isinstance(action, RecordIntent | WriteStatus)
        now, by = self._releases[state.release], self._releases[read]
        if self._rules.status_precondition and now.resource_version != by.resource_version:
            return None
        version = str(int(now.resource_version) + 1)
        after = replace(now, status=action.status, resource_version=version)
        broken = _broken_record(now, after, state.ran)
        confirmed = state.confirmed
        seen = action.status.observed_generation or 0
        if seen > confirmed[0]:
            confirmed = (seen, _declared(by))
        number = self._releases.number(after)
        return state._replace(release=number, confirmed=confirmed), broken

    def _land_workload(self, state: State, action: ApplyImages) -> tuple[State, str | None] | None:
        on, now = self._workloads[state.workload], self._releases[state.release]
        if self._rules.workload_precondition and on.resource_version != action.resource_version:
            return None
        after = replace(applied(on, action), rollout=DONE)
        written = str(action.pinned[0].pin.digest)
        recorded = {str(one.pin.digest) for one in now.status.history.revisions}
        generation, digest = state.confirmed
        fence = after.fence_of(now.name)
        broken = None
        if written not in recorded:
            broken = f"P-4: {_short(written)} was written and is in no history"
        elif fence is not None and fence.generation < generation and written != digest:
            broken = f"P-1: {_short(written)} of generation {fence.generation} after {generation}"
        else:
            gone = {one for one in _digests(on) & state.ran if one not in recorded}
            broken = f"P-4: {gone} was replaced and is in no history" if gone else None
        number = self._workloads.number(after)
        return state._replace(workload=number, ran=state.ran | {written}), broken

    def _planned(self, read: int, on: int) -> tuple[tuple[int, ...], bool]:
        """The actions of a pass over these two, and whether they may stand without a read."""
        key = (read, on)
        found = self._plans.get(key)
        if found is None:
            observed = Observed(release=self._releases[read], workload=self._workloads[on])
            decided = plan(observed, at())
            actions = [one for one in decided.actions if not isinstance(one, EmitEvent)]
            if not self._rules.records_first:
                actions.sort(key=lambda one: not isinstance(one, ApplyImages))
            numbers = tuple(self._actions.number(one) for one in actions)
            may_stand = needs_no_read(observed, decided, is_vouched_for=True)
            found = self._plans[key] = (numbers, may_stand)
        return found

    def _named(self, todo: tuple[int, ...]) -> str:
        return ", ".join(_name(self._actions[one]) for one in todo) or "nothing"


def _broken_record(before: Release, after: Release, ran: frozenset[str]) -> str | None:
    revisions = after.status.history.revisions
    numbers = [one.number for one in revisions]
    if len(numbers) != len(set(numbers)):
        return f"P-4: a revision number is used twice: {numbers}"
    for newer, older in pairwise(revisions):
        if newer.pin == older.pin:
            return f"P-4: {_short(str(newer.pin.digest))} is recorded twice in a row"
    lost = ran - {str(one.pin.digest) for one in revisions}
    if lost:
        return f"P-4: {', '.join(map(_short, lost))} ran and is lost from the history"
    if (after.status.observed_generation or 0) < (before.status.observed_generation or 0):
        return "P-10: observedGeneration went back"
    return None


def _declared(now: Release) -> str:
    assert isinstance(now.spec, DesiredPin)
    return str(now.spec.pin.digest)


def _digests(on: Workload) -> frozenset[str]:
    references = (try_parse_reference(one.image) for one in on.containers)
    return frozenset(str(one.digest) for one in references if one is not None and one.digest)


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:4]


def _name(action: Action) -> str:
    match action:
        case RecordIntent():
            return "record"
        case WriteStatus():
            return f"status g{action.status.observed_generation}"
        case ApplyImages():
            pin: Pin = action.pinned[0].pin
            return f"apply {_short(str(pin.digest))}"
        case LetGo() | EmitEvent():
            return type(action).__name__
