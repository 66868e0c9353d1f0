"""Times for which nobody knows what ran."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from pinnedrelease.core.observed import Observed
from pinnedrelease.core.pin import RejectedDigest
from pinnedrelease.core.plan import plan
from pinnedrelease.core.workload import FieldChange
from worlds import NOON, PIN_B, after, at, container, desired, settled, workload, world

REFUSED = RejectedDigest(digest=PIN_B.digest, reason="INC-4711")


def changed_unseen() -> Observed:
    """At rest on A; then no operator, another image, and a B that must not be rolled out."""
    resting = settled(world(on=workload()))
    assert resting.workload is not None
    seen = FieldChange(manager="kubectl-set", changed_at=NOON + timedelta(minutes=30))
    other = replace(container("elsewhere.example.com/x:1"), changed_by=seen)
    on = replace(resting.workload, containers=(other,), owned_containers=frozenset())
    spec = desired(PIN_B, rejected=(REFUSED,))
    return replace(
        resting,
        workload=on,
        release=replace(resting.release, spec=spec, generation=2),
        watched_until=NOON + timedelta(minutes=10),
        watching_since=NOON + timedelta(minutes=50),
    )


def test_one_gap_is_told_once_however_long_its_image_stays() -> None:
    """Its end was the time of each pass, so that each wrote the status and ten were one."""
    observed = changed_unseen()
    first = after(observed, plan(observed, at(3600)))

    assert len(first.release.status.gaps) == 1
    for minutes in (61, 62, 90, 600):
        assert plan(first, at(60 * minutes)).actions == ()


def test_another_change_in_a_later_absence_is_another_gap() -> None:
    observed = changed_unseen()
    first = after(observed, plan(observed, at(3600)))
    assert first.workload is not None
    (one,) = first.workload.containers
    seen = FieldChange(manager="helm", changed_at=NOON + timedelta(minutes=90))
    again = replace(
        first,
        workload=replace(first.workload, containers=(replace(one, changed_by=seen),)),
        watched_until=NOON + timedelta(minutes=80),
        watching_since=NOON + timedelta(minutes=100),
    )

    gaps = after(again, plan(again, at(6060))).release.status.gaps

    assert [one.actor for one in gaps] == ["helm", "kubectl-set"]
