"""Which revision somebody means by going back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from objects import DIGEST_A, DIGEST_C
from pinnedrelease.core import targets
from pinnedrelease.core.history import Cause, History, Revision, RevisionAction, RevisionResult
from pinnedrelease.core.pin import Pin, RejectedDigest
from worlds import NOON, PIN_A, PIN_B, desired, pin


def revision(number: int, declared: Pin, result: RevisionResult) -> Revision:
    return Revision(
        number=number,
        pin=declared,
        action=RevisionAction.PROMOTE,
        result=result,
        cause=Cause(generation=number),
        deploy_time=NOON,
    )


SUCCEEDED, FAILED = RevisionResult.SUCCEEDED, RevisionResult.FAILED
MOVED = pin(DIGEST_C, "1.0")
HISTORY = History(
    revisions=(
        revision(4, PIN_B, SUCCEEDED),
        revision(3, MOVED, FAILED),
        revision(2, PIN_A, SUCCEEDED),
        revision(1, PIN_B, SUCCEEDED),
    )
)


def test_the_last_one_is_the_newest_that_succeeded_with_other_content() -> None:
    assert targets.previous(HISTORY, desired(PIN_B), PIN_B).number == 2


def test_without_one_the_record_is_listed() -> None:
    only = History(revisions=HISTORY.revisions[:1])

    with pytest.raises(targets.NoTarget, match=r"recorded are 4: 1\.1"):
        targets.previous(only, desired(PIN_B), PIN_B)


def test_a_number_names_its_revision() -> None:
    assert targets.by_number(HISTORY, 3).pin == MOVED
    with pytest.raises(targets.NoTarget, match="no revision 9"):
        targets.by_number(HISTORY, 9)


@pytest.mark.parametrize("text", [DIGEST_A, "aaaa", "sha256:aaa"])
def test_a_digest_may_be_written_by_its_first_digits(text: str) -> None:
    assert targets.by_digest(HISTORY, text).number == 2


@pytest.mark.parametrize("text", ["dddd", "", "sha256:"])
def test_a_digest_that_was_never_recorded_is_none(text: str) -> None:
    with pytest.raises(targets.NoTarget, match="recorded are"):
        targets.by_digest(HISTORY, text)


def test_digits_that_fit_several_digests_are_too_few() -> None:
    one, other = pin("sha256:" + "a" * 63 + "0"), PIN_A
    history = History(revisions=(revision(2, one, SUCCEEDED), revision(1, other, SUCCEEDED)))

    with pytest.raises(targets.NoTarget, match="fits several"):
        targets.by_digest(history, "aaaa")


def test_a_tag_that_has_had_several_digests_is_refused_with_their_list() -> None:
    with pytest.raises(targets.NoTarget, match="several digests") as refused:
        targets.by_tag(HISTORY, "1.0")

    assert "3: 1.0 (sha256:cccccccccccc), 2: 1.0 (sha256:aaaaaaaaaaaa)" in str(refused.value)
    assert targets.by_tag(HISTORY, "1.1").number == 4
    with pytest.raises(targets.NoTarget, match="no revision had tag 9"):
        targets.by_tag(HISTORY, "9")


def test_an_entry_that_somebody_else_has_written_is_not_believed() -> None:
    edited = tuple(replace(one, edited_by="kubectl-edit") for one in HISTORY.revisions)
    history = History(revisions=edited)

    with pytest.raises(targets.NoTarget, match="written by kubectl-edit"):
        targets.by_number(history, 2)
    with pytest.raises(targets.NoTarget, match="written by kubectl-edit"):
        targets.by_digest(history, DIGEST_A)
    with pytest.raises(targets.NoTarget, match="written by kubectl-edit"):
        targets.by_tag(history, "1.1")
    with pytest.raises(targets.NoTarget):
        targets.previous(history, desired(PIN_B), PIN_B)


def test_a_refused_digest_is_no_target() -> None:
    refusing = desired(rejected=(RejectedDigest(digest=PIN_A.digest, reason="INC-4711"),))

    targets.check(HISTORY.revisions[0], refusing)
    with pytest.raises(targets.NoTarget, match="INC-4711"):
        targets.check(HISTORY.revisions[2], refusing)


def test_a_revision_of_another_repository_is_not_gone_back_to() -> None:
    """Tag and digest alone would name an image of the declared repository that never ran."""
    elsewhere = pin(DIGEST_C, "0.9", repository="mirror.example.com/team/web")
    history = History(
        revisions=(
            revision(5, PIN_B, SUCCEEDED),
            revision(4, elsewhere, SUCCEEDED),
            revision(3, PIN_A, SUCCEEDED),
        )
    )

    assert targets.previous(history, desired(PIN_B), PIN_B).number == 3
    with pytest.raises(targets.NoTarget, match=r"mirror\.example\.com/team/web, but the spec has"):
        targets.check(targets.by_number(history, 4), desired(PIN_B))


def test_going_back_passes_over_what_is_refused_or_not_believed() -> None:
    """Whoever has refused the last good digest means the one before it."""
    refused, unknown = pin(DIGEST_C, "0.8"), pin("sha256:" + "d" * 64, "0.9")
    history = History(
        revisions=(
            revision(4, PIN_B, SUCCEEDED),
            replace(revision(3, unknown, SUCCEEDED), edited_by="kubectl-edit"),
            revision(2, refused, SUCCEEDED),
            revision(1, PIN_A, SUCCEEDED),
        )
    )
    spec = desired(PIN_B, rejected=(RejectedDigest(digest=refused.digest, reason="INC-4711"),))

    assert targets.previous(history, spec, PIN_B).number == 1
    assert targets.alternative(history, spec, missing=PIN_B) == history.revisions[3]


def test_no_alternative_is_named_that_the_registry_has_lost_too() -> None:
    lost = replace(HISTORY.revisions[2], digest_missing_time=NOON)
    history = History(revisions=(HISTORY.revisions[0], lost))

    assert targets.previous(history, desired(PIN_B), PIN_B).number == 2
    assert targets.alternative(history, desired(PIN_B), missing=PIN_B) is None
