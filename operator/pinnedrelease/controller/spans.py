"""Where spans begin and end, for operators that make none: nothing is wrapped, nothing costs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pinnedrelease.reconcile.execute import Writes
from pinnedrelease.reconcile.gather import Key, Reads
from pinnedrelease.registry.poller import Asks
from pinnedrelease.registry.sends import Sends

Reconcile = Callable[[Key], Awaitable[float | None]]


class Spans:
    """Returns what it is given. ``tracing.Tracing`` returns it with spans around it."""

    def passes(self, reconcile: Reconcile) -> Reconcile:
        """One pass for a key."""
        return reconcile

    def reads(self, reads: Reads) -> Reads:
        """The reads of a pass."""
        return reads

    def writes(self, writes: Writes) -> Writes:
        """The writes of a pass."""
        return writes

    def asks(self, asks: Asks) -> Asks:
        """Questions to registries, which no pass waits for."""
        return asks

    def sends(self, sends: Sends) -> Sends:
        """The requests that a question leads to."""
        return sends

    def wakes(self, wake: Callable[[Key], None]) -> Callable[[Key], None]:
        """The way from an answer to the pass that it causes."""
        return wake

    def close(self) -> None:
        """Send what has not been sent."""
