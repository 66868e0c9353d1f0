"""Pins beside images are taken off when nobody enforces them any more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from objects import DIGEST_A, REPOSITORY
from pinnedrelease.core.actions import ApplyImages, LetGo, WriteStatus
from pinnedrelease.core.letting_go import letting_go_of_all
from pinnedrelease.core.observed import Limits, Memory, Observed, Refusal, RefusalKind
from pinnedrelease.core.pin import DriftPolicy
from pinnedrelease.core.plan import plan
from worlds import PIN_A, after, at, container, desired, release, settled, workload, world

PINNED = f"{REPOSITORY}@{DIGEST_A}"
MARK = "pin.pinnedrelease.dev/web"
HOLDING = Limits(admission_hold=True)


def held(**spec: object) -> Observed:
    """A pinned Deployment with its pin beside it, and a spec that has changed since."""
    pinned = settled(replace(world(on=workload()), limits=HOLDING))
    assert pinned.workload is not None
    assert dict(pinned.workload.marks)[MARK] == PINNED
    changed = replace(pinned.release, generation=2, spec=desired(PIN_A, **spec))
    return replace(pinned, release=changed)


def let_go(observed: Observed) -> list[LetGo]:
    return [one for one in plan(observed, at(60)).actions if isinstance(one, LetGo)]


@pytest.mark.parametrize("spec", [{"suspend": True}, {"drift_policy": DriftPolicy.REPORT}])
def test_a_release_that_stops_enforcing_lets_go_once(spec: dict[str, object]) -> None:
    observed = held(**spec)

    (action,) = let_go(observed)

    assert action.marks == (MARK,)
    afterwards = after(observed, plan(observed, at(60)))
    assert afterwards.workload is not None
    assert MARK not in dict(afterwards.workload.marks)
    assert afterwards.workload.containers[0].image == PINNED
    assert let_go(afterwards) == []


def test_a_release_that_enforces_holds_on() -> None:
    assert let_go(held()) == []


def test_without_the_policy_nothing_is_written_for_it() -> None:
    observed = replace(held(suspend=True), limits=Limits())

    assert let_go(observed) == []


def test_a_pin_that_another_release_enforces_stays() -> None:
    rival = replace(
        release(desired(PIN_A)), name="other", uid="uid-2", created_at=release().created_at
    )
    observed = replace(held(suspend=True), rivals=(rival,))

    assert let_go(observed) == []
    suspended = replace(rival, spec=desired(PIN_A, suspend=True))
    assert len(let_go(replace(observed, rivals=(suspended,)))) == 1


def test_a_container_that_is_not_governed_any_more_is_let_go() -> None:
    two = workload(container(PINNED), container("redis:7", name="side"))
    two = replace(two, marks=((MARK, PINNED), ("pin.pinnedrelease.dev/side", PINNED)))
    observed = replace(held(), workload=two)

    (action,) = let_go(observed)

    assert action.marks == ("pin.pinnedrelease.dev/side",)


def test_a_correction_comes_before_letting_go() -> None:
    observed = held()
    assert observed.workload is not None
    wrong = replace(observed.workload.containers[0], image="other:1")
    drifted = replace(observed, workload=replace(observed.workload, containers=(wrong,)))

    kinds = [type(one) for one in plan(drifted, at(60)).actions]

    assert ApplyImages in kinds
    assert LetGo not in kinds


def test_a_forsaken_workload_loses_all_pins() -> None:
    observed = held()
    assert observed.workload is not None

    action = letting_go_of_all(observed.workload)

    assert action is not None
    assert action.marks == (MARK,)
    assert letting_go_of_all(replace(observed.workload, marks=())) is None


def test_the_status_is_written_before_the_pins_are_taken_off() -> None:
    """Where that is not allowed the status has to say so, and it came too late to be written."""
    kinds = [type(one) for one in plan(held(suspend=True), at(60)).actions]

    assert kinds.index(WriteStatus) < kinds.index(LetGo)


def test_a_refusal_keeps_from_letting_go_for_a_while() -> None:
    refusal = Refusal(
        kind=RefusalKind.FORBIDDEN, message="no", generation=2, since_s=1000.0, retry_at_s=1500.0
    )
    refused = replace(held(suspend=True), memory=Memory(refusal=refusal))

    decided = plan(refused, at(60))

    assert not any(isinstance(one, LetGo) for one in decided.actions)
    assert decided.requeue_after_s == 1500.0 - at(60).monotonic_s
    later = plan(refused, at(501))
    assert any(isinstance(one, LetGo) for one in later.actions)
