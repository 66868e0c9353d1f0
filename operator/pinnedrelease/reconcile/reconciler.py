"""gather -> plan -> execute for one key, and what is remembered between passes."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from pinnedrelease.core import backoff
from pinnedrelease.core.observed import Instant, Limits, Memory, Observed, Refusal
from pinnedrelease.core.plan import Plan, plan
from pinnedrelease.reconcile.clock import Clock
from pinnedrelease.reconcile.execute import WorkloadWriteRefused, Writes, execute
from pinnedrelease.reconcile.gather import Key, Neighbours, Reads, gather

log = logging.getLogger(__name__)

REFUSAL_FIRST_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Remembered:
    """Memory of one object. A new object of the same name starts with none."""

    uid: str
    memory: Memory


class Reconciler:
    """Brings PinnedReleases to rest, one pass at a time.

    Safe for any number of keys at once, as long as no key is reconciled twice at the same time:
    the queue sees to that.
    """

    def __init__(
        self, reads: Reads, writes: Writes, neighbours: Neighbours, clock: Clock, limits: Limits
    ) -> None:
        self._reads = reads
        self._writes = writes
        self._neighbours = neighbours
        self._clock = clock
        self._limits = limits
        self._remembered: dict[Key, _Remembered] = {}

    async def reconcile(self, key: Key) -> float | None:
        """One pass. Returns the seconds after which to look again, or None.

        Raises ClusterErrors. The memory is kept only when the pass went through.
        """
        planned = await self._planned(key)
        if planned is None:
            return None
        observed, decision, now = planned
        try:
            await execute(decision, observed.release, self._writes, now)
        except WorkloadWriteRefused as refused:
            return await self._report_refusal(key, observed, refused, now)
        self._remember(key, observed, decision.memory)
        return decision.requeue_after_s

    async def _planned(self, key: Key) -> tuple[Observed, Plan, Instant] | None:
        remembered = self._remembered.get(key)
        memory = remembered.memory if remembered else Memory()
        observed = await gather(key, self._reads, self._neighbours, memory, self._limits)
        if observed is None:
            self._remembered.pop(key, None)
            return None
        if remembered is not None and remembered.uid != observed.release.uid:
            observed = replace(observed, memory=Memory())
        now = self._clock.now()
        return observed, plan(observed, now), now

    async def _report_refusal(
        self, key: Key, observed: Observed, refused: WorkloadWriteRefused, now: Instant
    ) -> float | None:
        """Remember the refusal and plan once more: the second plan says so and does not write."""
        before = observed.memory.refusal
        attempts = before.attempts + 1 if before else 1
        wait_s = backoff.delay_s(attempts, self._clock.unit_random(), at_least_s=REFUSAL_FIRST_S)
        refusal = Refusal(
            kind=refused.kind,
            message=refused.message,
            generation=observed.release.generation,
            attempts=attempts,
            retry_at_s=now.monotonic_s + wait_s,
        )
        log.warning("workload write refused", extra={"pin": str(key), "error": refused.message})
        self._remember(key, observed, replace(observed.memory, refusal=refusal))
        planned = await self._planned(key)
        if planned is None:
            return None
        again, decision, again_now = planned
        await execute(decision, again.release, self._writes, again_now)
        self._remember(key, again, decision.memory)
        return decision.requeue_after_s

    def _remember(self, key: Key, observed: Observed, memory: Memory) -> None:
        self._remembered[key] = _Remembered(uid=observed.release.uid, memory=memory)
