"""Drift names a webhook or a person where field managers do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from objects import DIGEST_A, REPOSITORY
from pinnedrelease.core.actions import WriteStatus
from pinnedrelease.core.conditions import ConditionType, find
from pinnedrelease.core.marks import FIELD_MANAGER
from pinnedrelease.core.observed import Limits, Observed
from pinnedrelease.core.pin import DriftPolicy
from pinnedrelease.core.plan import plan
from pinnedrelease.core.status import Status
from pinnedrelease.core.verification import Answer, verify
from pinnedrelease.core.workload import Stamp
from worlds import NOON, PIN_B, at, container, desired, settled, workload, world

STAMP = Stamp(user="ana@example.com", changed_at=NOON)
BELIEVING = Limits(admission_stamp=True)


def drifted(stamp: Stamp | None, limits: Limits) -> Observed:
    """A pinned Deployment that somebody has set to another image at noon."""
    pinned = settled(world(on=workload()))
    assert pinned.workload is not None
    wrong = replace(pinned.workload, containers=(container("other:1"),), stamp=stamp)
    return replace(pinned, workload=wrong, limits=limits)


def reported(image: str, *, pins: bool = True, **changes: object) -> Observed:
    """A pinned Deployment whose image came with a write of ours, while drift is only reported."""
    pinned = settled(world(on=workload()))
    assert pinned.workload is not None
    ours = replace(
        pinned.workload,
        containers=(container(image, manager=FIELD_MANAGER),),
        marks=pinned.workload.marks if pins else (),
    )
    spec = desired(PIN_B, drift_policy=DriftPolicy.REPORT)
    newer = replace(pinned.release, spec=spec, generation=2)
    return replace(pinned, release=newer, workload=ours, **changes)  # type: ignore[arg-type]


def told(observed: Observed) -> Status:
    statuses = [one for one in plan(observed, at(60)).actions if isinstance(one, WriteStatus)]
    return statuses[-1].status


def actors(observed: Observed) -> list[str]:
    return [record.actor for record in told(observed).drift]


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


MIRRORED = f"mirror.example.com/team/web@{DIGEST_A}"


@pytest.mark.parametrize(
    ("image", "actor"),
    [
        (MIRRORED, "an admission webhook"),
        (f"{REPOSITORY}:1.0", "an admission webhook"),
        ("no image at all", "an admission webhook"),
        (f"{REPOSITORY}@{DIGEST_A}", FIELD_MANAGER),
        (f"{REPOSITORY}:1.0@{DIGEST_A}", FIELD_MANAGER),
    ],
    ids=["mirror", "tag", "no image", "as written", "spelled otherwise"],
)
def test_what_is_not_as_we_wrote_it_is_the_webhooks(image: str, actor: str) -> None:
    """The field is ours, whatever a webhook put into it; the pin beside it says what we wrote."""
    status = told(reported(image))

    assert [one.actor for one in status.drift] == [actor]
    for kind in (ConditionType.DRIFTED, ConditionType.READY):
        condition = find(status.conditions, kind)
        assert condition is not None
        assert f"(by {actor})" in condition.message


def test_without_a_pin_nobody_can_tell_that_we_wrote_something_else() -> None:
    assert actors(reported(MIRRORED, pins=False)) == [FIELD_MANAGER]


def test_a_stamp_names_the_account_whose_write_a_webhook_changed() -> None:
    stamped = reported(MIRRORED, limits=BELIEVING)
    assert stamped.workload is not None
    stamped = replace(stamped, workload=replace(stamped.workload, stamp=STAMP))

    assert actors(stamped) == ["ana@example.com (an admission webhook)"]


def test_a_look_from_outside_names_the_webhook_too() -> None:
    template = next(one for one in verify(reported(MIRRORED), at()) if one.subject == "template")

    assert template.answer is Answer.DIFFERS
    assert template.message.endswith("(by an admission webhook)")
