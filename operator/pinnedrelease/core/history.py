"""The record of what was put in force: numbered revisions in closed intervals, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from pinnedrelease.core.pin import EffectivePin, Pin, PinSource


class RevisionAction(StrEnum):
    """Why a revision was put in force."""

    INITIAL = "Initial"
    PROMOTE = "Promote"
    ROLLBACK = "Rollback"
    OVERRIDE = "Override"
    OVERRIDE_ENDED = "OverrideEnded"
    AUTO_ROLLBACK = "AutoRollback"
    RECOVERED = "Recovered"
    """The status was lost; this was read off the workload's own history."""


class RevisionResult(StrEnum):
    """What became of a revision."""

    PLANNED = "Planned"
    """Recorded ahead of the workload write, which is not yet known to have been accepted."""
    IN_PROGRESS = "InProgress"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    SUPERSEDED = "Superseded"
    """Replaced by the next revision before its pods were ready."""
    NOT_APPLIED = "NotApplied"
    """Replaced by the next revision before it reached the workload as it was declared: it never
    was in force."""
    UNKNOWN = "Unknown"
    """Recovered: nobody recorded what became of it."""


NEVER_IN_FORCE = frozenset({RevisionResult.PLANNED, RevisionResult.NOT_APPLIED})
"""Recorded, and not known to have reached the workload."""
TOLD_ACTIONS = frozenset({RevisionAction.INITIAL, RevisionAction.PROMOTE, RevisionAction.ROLLBACK})
"""Revisions that were put in force by ``spec`` itself, with ``spec.changeCause``."""


LEAST_KEPT = 2
"""The revision in force and the one before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Who asked for a revision, in which generation of the spec, and the reason they gave."""

    generation: int
    actor: str | None = None
    change_cause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One pair that was in force from ``deploy_time`` until ``supersede_time``.

    The two are one moment when it never reached the workload, except where a webhook put
    something else there in its time.
    """

    number: int
    pin: Pin
    action: RevisionAction
    result: RevisionResult
    cause: Cause
    deploy_time: datetime
    ready_time: datetime | None = None
    supersede_time: datetime | None = None
    digest_missing_time: datetime | None = None
    """Since when the registry is known to have the digest no more."""
    edited_by: str | None = None
    """Who else has written this entry of the status: then it is not believed."""

    @property
    def is_believed_good(self) -> bool:
        """Whether it succeeded, and nobody else has written so."""
        return self.result is RevisionResult.SUCCEEDED and self.edited_by is None

    @property
    def left_no_trace(self) -> bool:
        """Whether the workload went on as before it: no webhook stored anything in its place."""
        is_unapplied = self.result is RevisionResult.NOT_APPLIED
        return is_unapplied and self.supersede_time == self.deploy_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Between these times the workload changed while no operator was watching."""

    start: datetime
    end: datetime
    actor: str
    """Who made the newest of the changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All recorded revisions. Every method returns a new history."""

    revisions: tuple[Revision, ...] = ()

    @property
    def head(self) -> Revision | None:
        """The revision in force."""
        return self.revisions[0] if self.revisions else None

    @property
    def has_unconfirmed_predecessor(self) -> bool:
        """Whether a superseded intent may still be on its way to the workload.

        Its writer may be paused between the record and the write. Before the newer revision is
        confirmed, the workload must be touched once, so that the late write is refused
        (reliability study, 5.2: the fence is written lazily, in just this case).
        """
        return any(revision.result is RevisionResult.PLANNED for revision in self.revisions[1:])

    @property
    def is_known_to_start(self) -> bool:
        """Whether the head only gives another tag to content whose pods were ready already."""
        for before in self.revisions[1:]:
            if before.result in NEVER_IN_FORCE:
                continue
            if self.head is None or before.pin.content != self.head.pin.content:
                return False
            if before.result is RevisionResult.SUCCEEDED:
                return True
        return False

    def has_deployed(self, pin: Pin) -> bool:
        """Whether this content is known to have reached the workload before."""
        return any(
            revision.pin.content == pin.content and revision.result not in NEVER_IN_FORCE
            for revision in self.revisions
        )

    def last_told_cause(self) -> str | None:
        """The newest ``spec.changeCause`` that is recorded."""
        told = (one.cause.change_cause for one in self.revisions if one.action in TOLD_ACTIONS)
        return next((text for text in told if text is not None), None)

    def with_intent(
        self, effective: EffectivePin, cause: Cause, now: datetime, *, last_number: int
    ) -> History:
        """Record a pair ahead of the write that puts it in force.

        Recording the pair that is in force already changes nothing, so that a pass repeated after
        a crash does not double the entry. ``last_number`` is the highest number ever given.
        """
        head, pin = self.head, effective.pin
        if head is not None and head.pin == pin:
            return self
        number = max([last_number, *(revision.number for revision in self.revisions)]) + 1
        entry = Revision(
            number=number,
            pin=pin,
            action=self._action_for(effective),
            result=RevisionResult.PLANNED,
            cause=cause,
            deploy_time=now,
        )
        return History(revisions=(entry, *self._with_head_superseded(now)))

    def with_reached(self, reached: frozenset[int]) -> History:
        """Intents of these numbers have reached the workload, though nobody could confirm it."""
        if not reached:
            return self

        def settled(revision: Revision) -> Revision:
            if revision.result is not RevisionResult.PLANNED or revision.number not in reached:
                return revision
            is_head = revision is self.head
            result = RevisionResult.IN_PROGRESS if is_head else RevisionResult.SUPERSEDED
            return replace(revision, result=result)

        return History(revisions=tuple(map(settled, self.revisions)))

    def with_rewritten(self, rewritten: frozenset[int]) -> History:
        """A webhook has stored something else for intents of these numbers.

        They were not in force; nor was the one before them, so each keeps its time.
        """
        if not rewritten:
            return self

        def settled(revision: Revision) -> Revision:
            is_open = revision.result is RevisionResult.PLANNED and revision.number in rewritten
            return replace(revision, result=RevisionResult.NOT_APPLIED) if is_open else revision

        return History(revisions=tuple(map(settled, self.revisions)))

    def confirmed(self) -> History:
        """The workload carries the head's pair: nothing older can be on its way any more.

        What was not seen there by then never was in force, and the one before it was so for longer.
        """
        settled: list[Revision] = []
        for revision in reversed(self.revisions):
            if revision.result is not RevisionResult.PLANNED:
                settled.append(revision)
            elif revision is self.head:
                settled.append(replace(revision, result=RevisionResult.IN_PROGRESS))
            else:
                _extend_newest(settled, revision)
                never = RevisionResult.NOT_APPLIED
                settled.append(replace(revision, result=never, supersede_time=revision.deploy_time))
        return History(revisions=tuple(reversed(settled)))

    def with_head_ready(self, now: datetime) -> History:
        """Every pod is ready on the head's pair. The first time that this was so is kept."""
        if self.head is None or self.head.result is RevisionResult.SUCCEEDED:
            return self
        ready = replace(self.head, result=RevisionResult.SUCCEEDED, ready_time=now)
        return History(revisions=(ready, *self.revisions[1:]))

    def with_head_failed(self) -> History:
        """The pods were not ready in time. A revision that succeeded once keeps that result."""
        if self.head is None or self.head.result is not RevisionResult.IN_PROGRESS:
            return self
        failed = replace(self.head, result=RevisionResult.FAILED)
        return History(revisions=(failed, *self.revisions[1:]))

    def trimmed(self, limit: int) -> History:
        """The newest ``limit`` revisions; two at least, and what somebody may need beside them.

        That is the one which was in force before, and the newest that a failed rollout could go
        back to.
        """
        most = max(limit, LEAST_KEPT)
        if len(self.revisions) <= most:
            return self
        count, needed = most, self._needed()
        while (
            count > LEAST_KEPT
            and count + sum(one not in self.revisions[:count] for one in needed) > most
        ):
            count -= 1
        kept = self.revisions[:count]
        extra = [one for one in needed if one not in kept]
        if extra:
            dropped = self.revisions[count : self.revisions.index(extra[0])]
            extra[0] = _outlasting(extra[0], dropped)
        return History(revisions=(*kept, *extra))

    def _needed(self) -> tuple[Revision, ...]:
        """Newest first; the head is there in any case."""
        before = next((one for one in self.revisions[1:] if one.result not in NEVER_IN_FORCE), None)
        good = next((one for one in self.revisions if one.is_believed_good), None)
        found = (before,) if good is before else (before, good)
        return tuple(one for one in found if one is not None)

    def _action_for(self, effective: EffectivePin) -> RevisionAction:
        pin = effective.pin
        if effective.source is PinSource.OVERRIDE:
            return RevisionAction.OVERRIDE
        if effective.source is PinSource.LAST_SUCCEEDED:
            return RevisionAction.AUTO_ROLLBACK
        if self.head is None:
            return RevisionAction.INITIAL
        if self.head.action is RevisionAction.OVERRIDE and self._before_override() == pin:
            return RevisionAction.OVERRIDE_ENDED
        if self.head.pin.digest == pin.digest:
            return RevisionAction.PROMOTE
        is_return = any(
            revision.pin.content == pin.content
            for revision in self.revisions
            if revision.result not in (*NEVER_IN_FORCE, RevisionResult.FAILED)
        )
        return RevisionAction.ROLLBACK if is_return else RevisionAction.PROMOTE

    def _before_override(self) -> Pin | None:
        """The pair that the newest override replaced, even if it was changed on the way."""
        before = (one for one in self.revisions if one.action is not RevisionAction.OVERRIDE)
        return next((one.pin for one in before), None)

    def _with_head_superseded(self, now: datetime) -> tuple[Revision, ...]:
        if self.head is None:
            return ()
        in_progress = self.head.result is RevisionResult.IN_PROGRESS
        result = RevisionResult.SUPERSEDED if in_progress else self.head.result
        closed_at = max(now, self.head.deploy_time)
        closed = replace(self.head, result=result, supersede_time=closed_at)
        return (closed, *self.revisions[1:])


def _outlasting(before: Revision, dropped: Sequence[Revision]) -> Revision:
    """A revision that stayed in force while those after it (newest first) never came to be so."""
    for one in reversed(dropped):
        if one.left_no_trace:
            continue
        is_next = one.deploy_time == before.supersede_time
        if one.result is not RevisionResult.PLANNED or not is_next:
            break
        before = replace(before, supersede_time=one.supersede_time)
    return before


def _extend_newest(settled: list[Revision], unapplied: Revision) -> None:
    """The newest that was in force stayed so for as long as this one was thought to be."""
    for index in reversed(range(len(settled))):
        before = settled[index]
        if before.left_no_trace:
            continue
        if before.supersede_time == unapplied.deploy_time:
            settled[index] = replace(before, supersede_time=unapplied.supersede_time)
        return
