"""Events are the difference of two statuses, and carry the pair that they are about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pinnedrelease.cluster.patches import event_bodies
from pinnedrelease.core.actions import EmitEvent, PairInForce
from pinnedrelease.core.observed import Observed
from pinnedrelease.core.plan import plan
from worlds import NOON, PIN_A, PIN_B, after, at, container, desired, settled, workload, world


def events(observed: Observed) -> tuple[EmitEvent, ...]:
    found = plan(observed, at(60.0)).actions
    return tuple(action for action in found if isinstance(action, EmitEvent))


def promoted() -> Observed:
    """A world that was pinned to A and now declares B."""
    pinned = settled(world(on=workload()))
    newer = replace(pinned.release, spec=desired(PIN_B), generation=2, resource_version="50")
    return replace(pinned, release=newer)


def test_the_first_pair_has_a_revision_and_nothing_before_it() -> None:
    (told,) = events(world(on=workload()))

    assert told.reason == "DigestPinned"
    assert told.pair == PairInForce(pin=PIN_A, revision=1, previous=None)


def test_a_promotion_names_the_digest_that_it_replaced() -> None:
    (told,) = events(promoted())

    assert told.reason == "DigestPinned"
    assert told.pair == PairInForce(pin=PIN_B, revision=2, previous=PIN_A.digest)


def test_a_pair_that_may_not_be_rolled_out_has_no_revision_and_follows_what_runs() -> None:
    gone = promoted()
    elsewhere = workload(container("example.com/other:1", name="proxy"))

    (told,) = events(replace(gone, workload=replace(elsewhere, uid="another")))

    assert told.pair is not None
    assert (told.pair.revision, told.pair.previous) == (None, PIN_A.digest)


def test_a_world_at_rest_tells_nothing() -> None:
    assert events(settled(promoted())) == ()


def test_what_was_told_is_not_told_again() -> None:
    observed = promoted()
    assert events(observed)

    again = after(observed, plan(observed, at(60.0)))

    assert "DigestPinned" not in {one.reason for one in events(again)}


@pytest.mark.parametrize("has_target", [True, False])
def test_the_pair_stands_in_annotations_on_each_object(*, has_target: bool) -> None:
    (told,) = events(promoted())
    told = told if has_target else replace(told, target=None)

    bodies = event_bodies(told, promoted().release, NOON)

    assert len(bodies) == (2 if has_target else 1)
    for body in bodies:
        metadata = body["metadata"]
        assert isinstance(metadata, dict)
        assert metadata["annotations"] == {
            "pinnedrelease.dev/tag": PIN_B.tag,
            "pinnedrelease.dev/digest": str(PIN_B.digest),
            "pinnedrelease.dev/short-digest": "b" * 12,
            "pinnedrelease.dev/revision": "2",
            "pinnedrelease.dev/previous-digest": str(PIN_A.digest),
        }
