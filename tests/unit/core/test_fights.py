"""Fights: who keeps undoing corrections, at which pace, and when that is over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from objects import DIGEST_B, REPOSITORY
from pinnedrelease.core.conditions import Condition, ConditionType, find
from pinnedrelease.core.fights import RECENT_LIMIT, Fight
from pinnedrelease.core.gitops_tools import gitops_tool
from pinnedrelease.core.history import RevisionResult
from pinnedrelease.core.observed import Observed, Refusal, RefusalKind
from pinnedrelease.core.plan import plan
from worlds import PIN_B, after, at, container, desired, rolled_out, settled, workload, world

ROOT = Path(__file__).parents[3]
ARGO_HEALS = (0, 2, 8, 26, 80, 242, 542, 842)
"""Seconds after which Argo CD 3 heals: pauses of 2, 6, 18, 54, 162 and then 300 s."""
MANAGERS = ("argocd-controller", "kustomize-controller", "helm-controller", "helm")


def undone(observed: Observed, manager: str) -> Observed:
    """The world after somebody has put a tag back."""
    on = workload(container(f"{REPOSITORY}:1.0", manager=manager), resource_version="30")
    return replace(observed, workload=on)


def fought(manager: str, seconds: Iterable[float]) -> tuple[Observed, list[bool]]:
    """The world after somebody has come at these times, and whether each was put right at once."""
    observed, corrected = settled(world(on=workload())), []
    for second in seconds:
        drifted = undone(observed, manager)
        decided = plan(drifted, at(1000 + second))
        corrected.append(any(type(one).__name__ == "ApplyImages" for one in decided.actions))
        observed = rolled_out(after(drifted, decided))
        observed = after(observed, plan(observed, at(1000 + second + 1)))
    return observed, corrected


def stalled(observed: Observed) -> Condition | None:
    return find(observed.release.status.conditions, ConditionType.STALLED)


@pytest.mark.parametrize("manager", MANAGERS)
def test_the_third_visit_of_a_gitops_tool_is_a_fight_that_names_it_and_the_way_out(
    manager: str,
) -> None:
    twice, _ = fought(manager, ARGO_HEALS[:2])
    thrice, corrected = fought(manager, ARGO_HEALS[:3])

    assert stalled(twice) is None
    told = stalled(thrice)
    assert told is not None
    assert told.reason == "DriftLoop"
    tool = gitops_tool(manager)
    assert tool is not None
    assert f"{tool.name} (field manager {manager}) keeps changing" in told.message
    assert tool.page in told.message
    assert "driftPolicy: Report" in told.message
    assert corrected == [True] * 3


def test_a_tool_that_is_slow_by_itself_is_not_slowed_down() -> None:
    observed, corrected = fought("argocd-controller", ARGO_HEALS)

    assert corrected == [True] * len(ARGO_HEALS)
    told = stalled(observed)
    assert told is not None
    assert "put right again each time" in told.message


def test_a_tool_with_an_interval_of_ten_minutes_stays_told_between_its_visits() -> None:
    visits = [600.0 * number for number in range(4)]
    observed, _ = fought("kustomize-controller", visits)
    between = after(observed, plan(observed, at(1000 + visits[-1] + 1100)))
    gone = after(observed, plan(observed, at(1000 + visits[-1] + 1300)))

    assert stalled(between) is not None
    assert stalled(gone) is None


def test_a_tool_that_hurries_is_slowed_down_like_anybody() -> None:
    _, corrected = fought("argocd-controller", range(8))

    assert corrected == [True] * 6 + [False] * 2


def test_a_person_who_errs_five_times_in_an_hour_is_no_fight() -> None:
    observed, corrected = fought("kubectl-set", [600.0 * number for number in range(5)])

    assert stalled(observed) is None
    assert corrected == [True] * 5


def test_visits_of_different_hours_are_no_fight() -> None:
    observed, _ = fought("helm", [2000.0 * number for number in range(6)])

    assert stalled(observed) is None


def test_a_tool_is_recognised_behind_the_user_that_a_policy_has_recorded() -> None:
    user = "system:serviceaccount:argocd:argocd-application-controller"

    assert gitops_tool(f"{user} (argocd-controller)") == gitops_tool("argocd-controller")
    assert gitops_tool("someone (kubectl-set)") is None
    assert gitops_tool("") is None


def test_asking_for_a_pass_ends_a_fight_that_has_been_settled() -> None:
    observed, _ = fought("argocd-controller", ARGO_HEALS[:3])
    asked = replace(observed, release=replace(observed.release, requested_at="now"))
    answered = after(asked, plan(asked, at(1012)))

    assert stalled(observed) is not None
    assert stalled(answered) is None
    assert answered.memory.fight == Fight()


def test_a_new_pair_does_not_wait_for_the_end_of_a_fight() -> None:
    observed, corrected = fought("kubectl-set", range(7))
    newer = replace(observed.release, spec=desired(PIN_B), generation=2)
    decided = plan(replace(observed, release=newer), at(1008))

    assert corrected[-1] is False
    assert "ApplyImages" in [type(one).__name__ for one in decided.actions]


def test_what_is_remembered_is_bounded() -> None:
    fight = Fight()
    for second in range(200):
        fight = fight.after_correction(frozenset({"a", "b", "c"}), second)

    assert len(fight.recent) == RECENT_LIMIT


@pytest.mark.parametrize("manager", MANAGERS)
def test_the_page_that_a_message_names_has_the_section(manager: str) -> None:
    tool = gitops_tool(manager)
    assert tool is not None
    path, _, anchor = tool.page.partition("#")
    titles = [
        line.lstrip("#").strip().lower().replace(" ", "-")
        for line in (ROOT / path).read_text().splitlines()
        if line.startswith("#")
    ]

    assert anchor in titles


def held_in_a_fight() -> Observed:
    """Somebody has come so often that the next correction has to wait."""
    observed, _ = fought("ana", range(0, 60, 10))
    assert observed.memory.fight.wait_s(at(1055).monotonic_s) > 0
    return observed


def test_a_pair_is_not_in_force_while_a_fight_holds_back_its_touch() -> None:
    """It was confirmed, and so never touched: a paused correction to the earlier one got through.

    An override that ends changes the pair, and nobody has asked anew.
    """
    held = held_in_a_fight()
    theirs = workload(container(f"{REPOSITORY}@{DIGEST_B}"), resource_version="60")
    changed = replace(held, release=replace(held.release, spec=desired(PIN_B)), workload=theirs)

    waiting = after(changed, plan(changed, at(1055)))
    waits = waiting.release.status.history.head
    assert waits is not None
    assert (waits.pin, waits.result) == (PIN_B, RevisionResult.PLANNED)
    touched = after(waiting, plan(waiting, at(1100)))

    assert waiting.workload == changed.workload
    assert touched.workload != changed.workload
    assert touched.release.status.history.head is not None
    assert touched.release.status.history.head.pin == PIN_B


def test_a_failure_that_is_not_told_yet_does_not_hide_a_fight() -> None:
    failed = Refusal(
        kind=RefusalKind.FAILED, message="no answer", generation=1, since_s=at(1055).monotonic_s
    )
    held = undone(held_in_a_fight(), "ana")
    held = replace(held, memory=replace(held.memory, refusal=failed))

    assert plan(held, at(1055)).findings[0].reason == "DriftLoop"
