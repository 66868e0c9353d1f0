"""What ``pinrel verify`` says, where the operator says something, too."""

from __future__ import annotations

from pinnedrelease.core.verification import Answer, Subject, verify
from worlds import PIN_A, at, desired, release, settled, workload, world


def test_a_container_that_is_not_there_differs() -> None:
    observed = settled(world(release(desired(PIN_A, containers=("web", "typo"))), workload()))

    template = next(one for one in verify(observed, at(60)) if one.subject is Subject.TEMPLATE)

    assert template.answer is Answer.DIFFERS
    assert "no container typo" in template.message
