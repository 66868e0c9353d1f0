"""A lost history, rebuilt from what the workload's own controller keeps (ReplicaSets and the like).

Such a record tells when a template was first made and in which order templates were last used, not
when each was in force. Where the order shows that more happened, that time becomes a gap.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from datetime import datetime

from pinnedrelease.core import marks
from pinnedrelease.core.effective import UNKNOWN_TAG
from pinnedrelease.core.errors import CoreError
from pinnedrelease.core.gaps import GAPS_LIMIT
from pinnedrelease.core.history import (
    Cause,
    Gap,
    History,
    Revision,
    RevisionAction,
    RevisionResult,
)
from pinnedrelease.core.observed import Instant, Observed, Release
from pinnedrelease.core.pin import DesiredPin, Pin
from pinnedrelease.core.reference import is_tag, try_parse_reference
from pinnedrelease.core.workload import PastTemplate, Workload

NOBODY = "unknown"
_CAUSE = re.compile(r"\S+ (?P<tag>\S+) sha256:(?P<short>[a-f0-9]{12}) rev (?P<number>\d{1,9})")


def has_lost_history(release: Release, workload: Workload) -> bool:
    """Whether a workload carries our mark although the status has no history."""
    status = release.status
    return (
        not status.history.revisions
        and status.revision == 0
        and workload.fence_of(release.name) is not None
    )


def with_recovered_history(observed: Observed, now: Instant) -> Observed:
    """The same world with the history that can be read off the workload, marked as recovered."""
    release, workload = observed.release, observed.workload
    if (
        not observed.past
        or workload is None
        or not isinstance(release.spec, DesiredPin)
        or not has_lost_history(release, workload)
    ):
        return observed
    steps = _steps(observed.past, release.spec)
    if not steps:
        return observed
    revisions, gaps = _revisions(steps, release.spec, workload, release.name, now)
    limit = release.spec.revision_history_limit
    history = History(revisions=tuple(reversed(revisions))).trimmed(limit)
    status = replace(
        release.status,
        history=history,
        revision=revisions[-1].number,
        gaps=tuple(reversed(gaps))[:GAPS_LIMIT],
    )
    return replace(observed, release=replace(release, status=status))


class _Step:
    """One template of the past, as far as the pinned repository goes."""

    def __init__(self, template: PastTemplate, pin: Pin) -> None:
        self.number = template.number
        self.created_at = template.created_at
        self.pin = pin
        found = _CAUSE.fullmatch(template.change_cause)
        self.recorded: int | None = None
        if found is not None and _is_ours(found, pin):
            self.recorded = int(found["number"])
            self.pin = replace(pin, tag=found["tag"])


def _is_ours(found: re.Match[str], pin: Pin) -> bool:
    """Whether a change cause says what we would have said; anybody may write one."""
    is_possible = is_tag(found["tag"]) and int(found["number"]) >= 1
    return is_possible and found["short"] == pin.digest.short


def _steps(past: tuple[PastTemplate, ...], desired: DesiredPin) -> list[_Step]:
    """Templates with a digest of the repository, by the time at which they were made."""
    steps = [
        _Step(template, pin)
        for template in sorted(past, key=lambda one: (one.created_at, one.number))
        if (pin := _pin_in(template, desired)) is not None
    ]
    return [
        step
        for index, step in enumerate(steps)
        if index == 0 or steps[index - 1].pin.digest != step.pin.digest
    ]


def _pin_in(template: PastTemplate, desired: DesiredPin) -> Pin | None:
    declared = desired.pin
    for name, image in template.images:
        if desired.containers and name not in desired.containers:
            continue
        found = try_parse_reference(image)
        if found is None or found.digest is None or found.repository != declared.repository:
            continue
        tag = declared.tag if found.digest == declared.digest.digest else UNKNOWN_TAG
        try:
            return Pin.declare(repository=declared.spelling, tag=tag, digest=str(found.digest))
        except CoreError:
            continue
    return None


def _revisions(
    steps: list[_Step],
    desired: DesiredPin,
    workload: Workload,
    release_name: str,
    now: Instant,
) -> tuple[list[Revision], list[Gap]]:
    numbers = _numbers(steps, workload, release_name)
    gaps: list[Gap] = []
    revisions: list[Revision] = []
    for (step, following), number in zip(
        itertools.zip_longest(steps, steps[1:]), numbers, strict=True
    ):
        revisions.append(_revision(step, number, following.created_at if following else None))
        if following is not None and following.number != step.number + 1:
            gaps.append(Gap(start=step.created_at, end=following.created_at, actor=NOBODY))
    newest = steps[-1]
    if _is_in_force(newest.pin, workload, desired):
        return revisions, gaps
    # The template has gone back to an older one since, nobody knows when.
    gaps.append(Gap(start=newest.created_at, end=now.wall, actor=NOBODY))
    return revisions, gaps


def _revision(step: _Step, number: int, supersede_time: datetime | None) -> Revision:
    is_head = supersede_time is None
    return Revision(
        number=number,
        pin=step.pin,
        action=RevisionAction.RECOVERED,
        result=RevisionResult.IN_PROGRESS if is_head else RevisionResult.UNKNOWN,
        cause=Cause(generation=0),
        deploy_time=step.created_at,
        supersede_time=supersede_time,
    )


def _numbers(steps: list[_Step], workload: Workload, release_name: str) -> list[int]:
    """The numbers that were recorded, when all are and grow; else so that none is given again."""
    recorded = [step.recorded for step in steps if step.recorded is not None]
    grows = all(one < other for one, other in itertools.pairwise(recorded))
    if len(recorded) == len(steps) and grows:
        return recorded
    last = max(len(steps), marks.last_revision(workload.marks, release_name))
    return list(range(last - len(steps) + 1, last + 1))


def _is_in_force(pin: Pin, workload: Workload, desired: DesiredPin) -> bool:
    images = [
        container.image
        for container in workload.containers
        if not desired.containers or container.name in desired.containers
    ]
    return any(pin.is_run_by(image) for image in images)
