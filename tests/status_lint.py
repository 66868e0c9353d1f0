"""Rules that every status must keep (kstatus, API conventions), whatever the test is about."""

from __future__ import annotations

import re

from pinnedrelease.core.conditions import ConditionStatus, ConditionType, find
from pinnedrelease.core.status import Status

REASON = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?")


def lint(status: Status, generation: int) -> None:
    """Assert the rules on a status that is about to be written."""
    types = [condition.type for condition in status.conditions]
    assert len(types) == len(set(types)), types
    ready = find(status.conditions, ConditionType.READY)
    reconciling = find(status.conditions, ConditionType.RECONCILING)
    stalled = find(status.conditions, ConditionType.STALLED)
    assert ready is not None
    assert not (reconciling and stalled)
    assert (ready.status is ConditionStatus.UNKNOWN) == (reconciling is not None)
    if stalled is not None:
        assert ready.status is ConditionStatus.FALSE
        assert stalled.reason == ready.reason
    for present_while_true in (reconciling, stalled):
        assert present_while_true is None or (present_while_true.status is ConditionStatus.TRUE)
    for condition in (ready, reconciling, stalled):
        if condition is not None:
            assert condition.observed_generation == generation
            assert REASON.fullmatch(condition.reason)
            assert len(condition.message) <= 1024
    assert status.observed_generation is None or status.observed_generation <= max(generation, 5)
