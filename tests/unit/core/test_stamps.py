"""Drift names a person where a policy has recorded one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pinnedrelease.core.actions import WriteStatus
from pinnedrelease.core.observed import Limits, Observed
from pinnedrelease.core.plan import plan
from pinnedrelease.core.workload import Stamp
from worlds import NOON, at, container, settled, workload, world

STAMP = Stamp(user="ana@example.com", changed_at=NOON)
BELIEVING = Limits(admission_stamp=True)


def drifted(stamp: Stamp | None, limits: Limits) -> Observed:
    """A pinned Deployment that somebody has set to another image at noon."""
    pinned = settled(world(on=workload()))
    assert pinned.workload is not None
    wrong = replace(pinned.workload, containers=(container("other:1"),), stamp=stamp)
    return replace(pinned, workload=wrong, limits=limits)


def actors(observed: Observed) -> list[str]:
    statuses = [one for one in plan(observed, at(60)).actions if isinstance(one, WriteStatus)]
    return [record.actor for record in statuses[-1].status.drift]


@pytest.mark.parametrize(
    ("stamp", "limits", "actor"),
    [
        (STAMP, BELIEVING, "ana@example.com (kubectl-set)"),
        (STAMP, Limits(), "kubectl-set"),
        (None, BELIEVING, "kubectl-set"),
        (replace(STAMP, changed_at=NOON - timedelta(days=1)), BELIEVING, "kubectl-set"),
    ],
    ids=["stamped", "no policy", "no stamp", "an older stamp"],
)
def test_a_stamp_of_the_same_moment_names_the_person(
    stamp: Stamp | None, limits: Limits, actor: str
) -> None:
    assert actors(drifted(stamp, limits)) == [actor]


def test_a_very_long_name_is_cut() -> None:
    long = replace(STAMP, user="x" * 1000)

    (actor,) = actors(drifted(long, BELIEVING))

    assert actor == f"{'x' * 96} (kubectl-set)"
