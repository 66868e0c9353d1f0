"""Who may write, when several operators run: a Lease, judged by each on its own monotonic clock.

The times inside of a Lease are another machine's wall clock. They are for people; what counts is
how long ago *we* saw the Lease change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

LEASE_NAME = "pinnedrelease-controller"
"""As the shipped Role allows it."""
DURATION_S = 15
"""How long a holder is awaited that does not renew."""
RENEW_DEADLINE_S = 10.0
"""How long after a renewal its holder goes on. The rest of the duration is for a write that was
begun in time: it has an answer, or is given up, before another can hold the Lease."""
RETRY_S = 2.0
"""How often a holder renews and others look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A Lease as the API server has it."""

    holder: str
    """Empty: released."""
    duration_s: int = DURATION_S
    transitions: int = 0
    resource_version: str
    uid: str | None = None
    """Of this very Lease, not of one of its name that was made after it was deleted."""
    acquired_at: datetime | None = None
    renewed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenLease:
    """A Lease, and when it was first seen in this version."""

    lease: Lease
    since_s: float
    """Monotonic seconds."""


def saw(lease: Lease, before: SeenLease | None, now_s: float) -> SeenLease:
    """What is known after a look: the clock of a Lease starts anew whenever it has changed."""
    if before is not None and before.lease.resource_version == lease.resource_version:
        return before
    return SeenLease(lease=lease, since_s=now_s)


def may_take(seen: SeenLease, identity: str, now_s: float) -> bool:
    """Whether a candidate may take the Lease.

    One that names the candidate itself was left by the process that ran in this pod before: an
    identity belongs to one process at a time.
    """
    lease = seen.lease
    if lease.holder in ("", identity):
        return True
    duration_s = lease.duration_s if lease.duration_s > 0 else DURATION_S
    return now_s - seen.since_s > duration_s


def valid_until_s(asked_at_s: float) -> float:
    """Until when a holder may write whose renewal, sent at that moment, was stored."""
    return asked_at_s + RENEW_DEADLINE_S
