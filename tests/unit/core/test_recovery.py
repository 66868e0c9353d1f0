"""A lost status: the history is rebuilt from the workload's own, and gaps are said to be gaps."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from objects import DIGEST_A, DIGEST_B, DIGEST_C, REPOSITORY
from pinnedrelease.api.convert import status_to_wire
from pinnedrelease.core import marks
from pinnedrelease.core.actions import RecordIntent, WriteStatus
from pinnedrelease.core.effective import UNKNOWN_TAG
from pinnedrelease.core.history import History
from pinnedrelease.core.observed import Observed
from pinnedrelease.core.plan import plan
from pinnedrelease.core.workload import Fence, FieldChange, PastTemplate
from worlds import (
    NOON,
    PIN_A,
    PIN_B,
    at,
    container,
    desired,
    pin,
    release,
    settled,
    workload,
    world,
)

PIN_C = pin(DIGEST_C, "1.2")
FENCE = (f"{marks.FENCE_PREFIX}web", "uid-of-another-life/7")


def past(number: int, minutes: int, digest: str, cause: str = "") -> PastTemplate:
    return PastTemplate(
        number=number,
        created_at=NOON - timedelta(minutes=minutes),
        images=(("web", f"{REPOSITORY}@{digest}"), ("proxy", "example.com/proxy:2")),
        change_cause=cause,
    )


def lost(*templates: PastTemplate, current: str = DIGEST_B) -> Observed:
    """A PinnedRelease of B without a status, on a workload that carries our marks."""
    on = workload(
        container(f"{REPOSITORY}@{current}", manager="pinnedrelease-controller"),
        marks=(FENCE, (marks.CHANGE_CAUSE, f"web 1.1 sha256:{'b' * 12} rev 9")),
        fences=(("web", Fence(release_uid="uid-of-another-life", generation=7)),),
        owned_containers=frozenset({"web"}),
    )
    return replace(world(release(desired(PIN_B)), on), past=templates)


def recovered(observed: Observed) -> tuple[History, list[tuple[int, int]]]:
    """The history at rest, and the gaps as minutes before noon."""
    status = settled(observed).release.status
    gaps = [
        (
            round((NOON - one.start).total_seconds() / 60),
            round((NOON - one.end).total_seconds() / 60),
        )
        for one in status.gaps
    ]
    return status.history, gaps


def test_the_templates_of_the_past_become_revisions_marked_as_recovered() -> None:
    history, gaps = recovered(lost(past(1, 60, DIGEST_A), past(2, 30, DIGEST_B)))

    head, first = history.revisions
    assert [one.action for one in history.revisions] == ["Recovered", "Recovered"]
    assert (first.pin.digest, first.result) == (PIN_A.digest, "Unknown")
    assert (first.deploy_time, first.supersede_time) == (
        NOON - timedelta(minutes=60), head.deploy_time,
    )  # fmt: skip
    assert head.pin == PIN_B
    assert head.result == "Succeeded"
    assert gaps == []


def test_tags_and_numbers_come_back_from_the_change_cause() -> None:
    history, _ = recovered(
        lost(
            past(1, 60, DIGEST_A, f"web 1.0 sha256:{'a' * 12} rev 4"),
            past(2, 30, DIGEST_B, f"web 1.1 sha256:{'b' * 12} rev 9"),
        )
    )

    assert [(one.number, one.pin.tag) for one in history.revisions] == [(9, "1.1"), (4, "1.0")]


def test_a_tag_that_nobody_recorded_is_unknown_and_not_guessed() -> None:
    history, _ = recovered(lost(past(1, 60, DIGEST_A), past(2, 30, DIGEST_B)))

    assert history.revisions[1].pin.tag == "unknown"


def test_numbers_go_on_after_the_last_one_that_the_workload_shows() -> None:
    history, _ = recovered(lost(past(1, 60, DIGEST_A), past(2, 30, DIGEST_B)))

    assert [one.number for one in history.revisions] == [9, 8]


def test_a_template_that_was_used_again_leaves_a_gap() -> None:
    _, gaps = recovered(lost(past(3, 60, DIGEST_A), past(2, 40, DIGEST_C), past(4, 20, DIGEST_B)))

    assert gaps == [(40, 20), (60, 40)]


def test_a_workload_that_went_back_has_a_gap_until_now() -> None:
    observed = lost(past(3, 60, DIGEST_B), past(2, 30, DIGEST_A))

    history, gaps = recovered(observed)

    assert gaps == [(30, 0), (60, 30)]
    assert history.revisions[0].pin == PIN_B
    assert history.revisions[0].deploy_time == NOON


def test_templates_without_a_digest_or_of_another_repository_are_no_revisions() -> None:
    tagged = replace(past(1, 60, DIGEST_A), images=(("web", f"{REPOSITORY}:1.0"),))
    other = replace(past(2, 50, DIGEST_A), images=(("web", f"example.com/other@{DIGEST_A}"),))

    history, _ = recovered(lost(tagged, other, past(3, 30, DIGEST_B)))

    assert [one.pin.digest for one in history.revisions] == [PIN_B.digest]


def test_a_history_that_is_there_is_never_replaced() -> None:
    there = settled(lost(past(1, 60, DIGEST_A), past(2, 30, DIGEST_B)))

    again = settled(replace(there, past=(past(1, 90, DIGEST_C),)), 60)

    assert again.release.status == there.release.status


def test_a_workload_that_we_have_never_marked_tells_no_history() -> None:
    strange = replace(world(release(desired(PIN_A)), workload()), past=(past(1, 60, DIGEST_B),))

    history, _ = recovered(strange)

    assert [one.action for one in history.revisions] == ["Initial"]


def test_a_change_while_nobody_watched_is_a_gap() -> None:
    calm = settled(world(on=workload()))
    assert calm.workload is not None
    changed_at = NOON + timedelta(hours=2)
    drifted = replace(
        calm.workload,
        owned_containers=frozenset(),
        containers=(
            replace(
                container(f"{REPOSITORY}:dev"),
                changed_by=FieldChange(manager="ana", changed_at=changed_at),
            ),
        ),
        fences=(("web", Fence(release_uid="uid-of-release", generation=1)),),
    )
    now = 4 * 3600

    watched = replace(calm, workload=drifted, watching_since=NOON)
    assert settled(watched, now).release.status.gaps == ()

    restarted = replace(calm, workload=drifted, watching_since=NOON + timedelta(hours=4))
    (gap,) = settled(restarted, now).release.status.gaps
    head = calm.release.status.history.head
    assert head is not None
    assert (gap.start, gap.end) == (head.ready_time, at(now).wall)
    assert gap.actor == "ana"


def test_a_change_to_and_fro_while_nobody_watched_is_a_gap_until_the_return() -> None:
    calm = settled(world(on=workload()))
    assert calm.workload is not None
    returned = replace(
        calm.workload,
        owned_containers=frozenset(),
        containers=(
            replace(
                container(PIN_A.image),
                changed_by=FieldChange(manager="ana", changed_at=NOON + timedelta(hours=2)),
            ),
        ),
        fences=(("web", Fence(release_uid="uid-of-release", generation=1)),),
    )
    restarted = replace(calm, workload=returned, watching_since=NOON + timedelta(hours=4))

    (gap,) = settled(restarted, 4 * 3600).release.status.gaps

    assert gap.end == NOON + timedelta(hours=2)


@pytest.mark.parametrize(
    "cause",
    [
        f"web 1.0 sha256:{'a' * 12} rev 0",
        f"web {'t' * 200} sha256:{'a' * 12} rev 3",
        f"web -x sha256:{'a' * 12} rev 3",
    ],
)
def test_a_change_cause_that_cannot_be_ours_tells_nothing(cause: str) -> None:
    """Anybody may write one. Such a status did not fit its schema, and nothing was done at all."""
    observed = lost(past(1, 60, DIGEST_A, cause), past(2, 30, DIGEST_B))

    for action in plan(observed, at()).actions:
        if isinstance(action, RecordIntent | WriteStatus):
            status_to_wire(action.status)
    history, _ = recovered(observed)

    assert history.revisions[-1].pin.tag == UNKNOWN_TAG
