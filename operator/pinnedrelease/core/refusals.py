"""What is remembered of a workload write that does not get through, and when it is told.

A refusal is told at once. A write that only fails, because a webhook does not answer for example,
is tried again as after any failure, and told once that has lasted for some seconds. By time, not by
count: a hanging webhook takes seconds for one failure, a rollout's events bring ten in one second.
"""

from __future__ import annotations

from dataclasses import replace

from pinnedrelease.core import backoff
from pinnedrelease.core.observed import Instant, Observed, Refusal, RefusalKind, Release
from pinnedrelease.core.situation import assess

REFUSED_PAUSE_S = 10.0
FAILING_S = 5.0
"""How long a write may go on failing before that is told; and the pause when it has been."""


def noted(
    before: Refusal | None, release: Release, kind: RefusalKind, message: str, now: Instant
) -> Refusal:
    """A refusal that has just come, as the next of its row or the first of a new one.

    Asking anew begins a row: that clears every back-off (design 3.12).
    """
    if before is None or before.kind is not kind or not before.is_of(release):
        return Refusal(
            kind=kind,
            message=message,
            generation=release.generation,
            since_s=now.monotonic_s,
            requested_at=release.requested_at,
        )
    if kind is RefusalKind.FAILED and before.retry_at_s is not None:
        # The words may name another port each time; the status need not follow.
        message = before.message
    return replace(before, message=message, retry_at_s=None)


def is_worth_telling(refusal: Refusal, now: Instant) -> bool:
    """Whether it is more than a hiccup."""
    return refusal.kind is not RefusalKind.FAILED or now.monotonic_s - refusal.since_s >= FAILING_S


def held(refusal: Refusal, now: Instant, unit_random: float, *, at_least_s: float) -> Refusal:
    """The refusal once it has been told: with a pause that grows each time."""
    attempts = refusal.attempts + 1
    if refusal.kind is RefusalKind.FAILED:
        pause_s = backoff.delay_s(attempts, unit_random, first_s=FAILING_S, at_least_s=at_least_s)
    else:
        pause_s = backoff.delay_s(attempts, unit_random, at_least_s=REFUSED_PAUSE_S)
    return replace(refusal, attempts=attempts, retry_at_s=now.monotonic_s + pause_s)


def is_same_difference(before: Observed, after: Observed) -> bool:
    """Whether what differed before a write still does after it, for whoever wants it the same.

    A write that touches a workload which is right may be rewritten, too: then it differs only now.
    """
    return (
        _identity(before) == _identity(after)
        and before.release.generation == after.release.generation
        and all(_differs(one) for one in (before, after))
    )


def _identity(observed: Observed) -> tuple[str, str | None]:
    workload = observed.workload
    return observed.release.uid, workload.uid if workload is not None else None


def _differs(observed: Observed) -> bool:
    situation = assess(observed)
    return situation is not None and bool(situation.differing)
