"""Drift of single pods lasts until the pod is seen to be right: no noise in between."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pinnedrelease.core.conditions import ConditionType, find
from pinnedrelease.core.drift import DriftKind
from pinnedrelease.core.observed import Memory, Observed
from pinnedrelease.core.plan import plan
from pinnedrelease.core.workload import Rollout
from unit.core.test_rollout_causes import GOOD, WRONG, rolled_out
from worlds import PIN_B, after, at, desired, settled


def told() -> Observed:
    """Two pods run other content, and the status says so."""
    observed = rolled_out(WRONG)
    for seconds in (63, 66):
        observed = after(observed, plan(observed, at(seconds)))
    assert len(open_records(observed)) == 2
    return observed


def open_records(observed: Observed) -> list[str]:
    return [
        one.subject
        for one in observed.release.status.drift
        if one.kind is DriftKind.POD_IMAGE and one.correct_time is None
    ]


def reasons(observed: Observed) -> dict[str, str]:
    return {one.type: one.reason for one in observed.release.status.conditions}


def test_a_restart_has_nothing_to_say_of_pods_that_were_told_already() -> None:
    restarted = replace(told(), memory=Memory())

    assert not plan(restarted, at(100)).actions


@pytest.mark.parametrize("pods", [WRONG, None], ids=["one is not ready", "they cannot be read"])
def test_what_nobody_has_seen_end_goes_on(pods: object) -> None:
    observed = told()
    assert observed.workload is not None
    flapping = Rollout(desired=3, current=3, updated=3, ready=2)
    observed = replace(
        observed,
        pods=pods,  # type: ignore[arg-type]
        workload=replace(observed.workload, rollout=flapping),
    )

    later = after(observed, plan(observed, at(100)))

    assert open_records(later) == open_records(observed)
    drifted = find(later.release.status.conditions, ConditionType.DRIFTED)
    assert drifted is not None
    assert (drifted.status, drifted.reason) == ("True", "PodsMismatch")
    assert "every governed container" not in drifted.message


def test_it_ends_when_the_pods_are_right() -> None:
    mended = replace(told(), pods=GOOD)

    mended = after(mended, plan(mended, at(100)))

    assert open_records(mended) == []
    assert reasons(mended)["Drifted"] == "NoDriftDetected"


def test_it_ends_with_the_pair_that_it_was_about_even_if_pods_cannot_be_read_any_more() -> None:
    observed = replace(told(), pods=None)
    moved_on = replace(observed.release, spec=desired(PIN_B), generation=9)

    moved_on_world = settled(replace(observed, release=moved_on), 120)

    assert open_records(moved_on_world) == []
    assert reasons(moved_on_world)["Drifted"] == "NoDriftDetected"
