"""No order of events breaks a promise; and each mutant of the protocol is found out."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import pytest

from model.explore import Found, explore
from model.protocol import Budget, Rules, World
from pinnedrelease.core.history import History, RevisionResult

pytestmark = pytest.mark.timeout(600)

MOST_STATES = 400_000
EVERYTHING = Budget()


def told(name: str, found: Found) -> str:
    lines = [f"{name}: {found.states} states, {found.broken or 'no promise broken'}"]
    lines += [f"  {number}. {step}" for number, step in enumerate(found.trace, start=1)]
    return "\n".join(lines)


def say(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """States explored, and the shortest trace of each mutant, for whoever runs the tests."""
    with capsys.disabled():
        sys.stdout.write(f"\n{text}\n")


@pytest.mark.parametrize(
    "budget",
    [
        Budget(edits=2, foreign=0, crashes=1, lost_answers=0, lease_moves=1),
        Budget(edits=2, foreign=0, crashes=0, lost_answers=1, lease_moves=2),
        Budget(edits=1, foreign=1, crashes=1, lost_answers=0, lease_moves=1),
        Budget(edits=2, foreign=1, crashes=0, lost_answers=0, lease_moves=1),
        Budget(edits=3, foreign=0, crashes=0, lost_answers=0, lease_moves=1),
    ],
    ids=lambda budget: "-".join(f"{name}{value}" for name, value in budget._asdict().items()),
)
def test_no_order_of_events_breaks_a_promise(
    budget: Budget, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every state within the budget is seen: P-1, P-3, P-4, P-10, P-11."""
    found = explore(World(Rules(), budget), most_states=MOST_STATES)

    say(capsys, told("protocol", found))
    assert found.broken is None, told("protocol", found)
    assert found.is_complete


MUTANTS = {
    "m1 records after the write": (Rules(records_first=False), EVERYTHING),
    "m2 no precondition on the workload": (
        Rules(workload_precondition=False),
        Budget(edits=1, foreign=0, crashes=0, lost_answers=0, lease_moves=1),
    ),
    "m3 plans on what it remembers": (
        Rules(reads_before_it_plans=False),
        Budget(edits=1, foreign=1, crashes=0, lost_answers=0, lease_moves=2),
    ),
    "m4 writes the status blindly": (Rules(status_precondition=False), EVERYTHING),
    "m5 does not ask the Lease": (Rules(asks_the_lease=False), EVERYTHING),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_found_out(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    rules, budget = MUTANTS[name]
    found = explore(World(rules, budget), most_states=MOST_STATES)

    say(capsys, told(name, found))
    assert found.broken is not None, told(name, found)


def test_a_mutant_whose_entries_have_no_identity_is_found_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """m6: a pass that is repeated after a crash does not know its own intent again."""
    honest = History.with_intent

    def forgetful(self: History, *arguments: Any, **more: Any) -> History:
        head = self.head
        if head is None or head.result is not RevisionResult.PLANNED:
            return honest(self, *arguments, **more)
        unknown = replace(head, pin=replace(head.pin, tag="unknown"))
        made = honest(History(revisions=(unknown, *self.revisions[1:])), *arguments, **more)
        return History(revisions=(made.revisions[0], *self.revisions))

    monkeypatch.setattr(History, "with_intent", forgetful)
    found = explore(World(Rules(), EVERYTHING), most_states=MOST_STATES)

    say(capsys, told("m6 entries without identity", found))
    assert "recorded twice" in (found.broken or "")
