"""gather -> plan -> execute for one key, and what is remembered between passes."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime

from pinnedrelease.cluster.errors import ClusterError, Conflict
from pinnedrelease.core import refusals
from pinnedrelease.core.observed import (
    Instant,
    Limits,
    Memory,
    Observed,
    Refusal,
    RefusalKind,
    Release,
)
from pinnedrelease.core.pin import DesiredPin
from pinnedrelease.core.plan import Plan, plan
from pinnedrelease.core.recovery import has_lost_history
from pinnedrelease.core.shortcut import needs_no_read
from pinnedrelease.core.workload import Workload
from pinnedrelease.reconcile.clock import Clock
from pinnedrelease.reconcile.execute import Execution, WorkloadWriteRefused, Writes
from pinnedrelease.reconcile.gather import (
    Key,
    Neighbours,
    NoRegistries,
    Reads,
    Registries,
    gather,
)
from pinnedrelease.reconcile.news import has_news
from pinnedrelease.reconcile.versions import is_newer

log = logging.getLogger(__name__)

CONFLICTS_IN_A_ROW = 3
"""After so many the key waits like after any other failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Remembered:
    """What the last pass left: what it noted, and the PinnedRelease as it stood at its end."""

    release: Release
    memory: Memory


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    """A plan, and what it goes by."""

    observed: Observed
    now: Instant
    plan: Plan


class Reconciler:
    """Brings PinnedReleases to rest, one pass at a time.

    Safe for any number of keys at once, as long as no key is reconciled twice at the same time:
    the queue sees to that.
    """

    def __init__(
        self,
        reads: Reads,
        writes: Writes,
        neighbours: Neighbours,
        clock: Clock,
        limits: Limits,
        registries: Registries | None = None,
    ) -> None:
        self._reads = reads
        self._registries = registries or NoRegistries()
        self._writes = writes
        self._neighbours = neighbours
        self._clock = clock
        self._limits = limits
        self._watching_since = clock.now().wall
        self._watched_until: datetime | None = None
        self._remembered: dict[Key, _Remembered] = {}

    def take_over(self, watched_until: datetime | None) -> None:
        """Passes begin now; until that moment another operator watched, as far as is known."""
        self._watching_since = self._clock.now().wall
        self._watched_until = watched_until

    def releases(self) -> tuple[Release, ...]:
        """The PinnedReleases as they stood after their last passes."""
        return tuple(one.release for one in self._remembered.values())

    def knows(self, key: Key, version: str | None) -> bool:
        """Whether passes have this state of a PinnedRelease already: mostly, our own write."""
        remembered = self._remembered.get(key)
        return remembered is not None and remembered.release.resource_version == version

    async def reconcile(self, key: Key) -> float | None:
        """One pass. Returns the seconds after which to look again, or None.

        Somebody else writing at the same time is the ordinary case (a workload's own controller
        does so right after every change), so a conflict is followed by another try at once: by
        what the watches have told since, or by fresh reads. Raises ClusterErrors. The memory is
        kept when the pass went through, and of one that did not, that drift was corrected.
        """
        overtaken: Observed | None = None
        for _ in range(CONFLICTS_IN_A_ROW):
            is_told = overtaken is None or await has_news(key, overtaken, self._neighbours)
            found = self._decided_unread(key) if is_told else None
            if found is None:
                found = await self._decided_afresh(key)
            if found is None:
                return None
            try:
                return await self._carry_out(key, found)
            except Conflict as conflict:
                overtaken = found.observed
                log.debug("conflict", extra={"pin": str(key), "error": str(conflict)})
        found = await self._decided_afresh(key)
        return await self._carry_out(key, found) if found is not None else None

    async def _carry_out(self, key: Key, found: _Decided) -> float | None:
        observed, now = found.observed, found.now
        doing = Execution(found.plan, observed.release, self._writes, now)
        try:
            release = await doing.run()
        except WorkloadWriteRefused as refused:
            return await self._report_refusal(key, observed, refused)
        except ClusterError as error:
            if not doing.has_written_workload:
                raise
            # No later pass would find what has been put right: it counts in a fight all the same.
            then = found.plan.memory
            memory = replace(observed.memory, fight=then.fight, rollout=then.rollout, refusal=None)
            self._remembered[key] = _Remembered(release=observed.release, memory=memory)
            if not isinstance(error, Conflict):
                raise
            release = await self._tell_after_all(key, doing, error)
        self._remembered[key] = _Remembered(release=release, memory=found.plan.memory)
        return found.plan.requeue_after_s

    async def _tell_after_all(self, key: Key, doing: Execution, conflict: Conflict) -> Release:
        """The workload is right, and the status that says so was refused: say it once more.

        Somebody has annotated the PinnedRelease, for example. Otherwise drift would be corrected
        without a record or an event. Raises the conflict when more than that has changed.
        """
        fresh = await self._reads.release(key.namespace, key.name)
        if not doing.go_on_from(fresh):
            raise conflict
        return await doing.run()

    async def _decided_afresh(self, key: Key) -> _Decided | None:
        """What to do by fresh reads; None when the PinnedRelease is gone."""
        observed = await self._fresh_world(key)
        if observed is None:
            self._remembered.pop(key, None)
            self._registries.forget(key)
            return None
        now = self._clock.now()
        return _Decided(observed=observed, now=now, plan=plan(observed, now))

    def _decided_unread(self, key: Key) -> _Decided | None:
        """What to do by what the watches have told, where that may stand without a read."""
        known = self._known(key)
        if known is None or self._neighbours.sharing_target(key):
            return None
        release, watched = known.release, None
        if isinstance(release.spec, DesiredPin):
            watched = self._neighbours.watched_workload(key.namespace, release.spec.target)
            if watched is None or has_lost_history(release, watched.value):
                return None
        observed = self._watched_world(key, known, watched.value if watched else None)
        now = self._clock.now()
        decided = plan(observed, now)
        # The watch has echoed our last write, so it is alive and has nothing newer to tell.
        is_echoed = self._neighbours.seen_version(key) == release.resource_version
        is_vouched_for = is_echoed and watched is not None and watched.by_event
        if not needs_no_read(observed, decided, is_vouched_for=is_vouched_for):
            return None
        return _Decided(observed=observed, now=now, plan=decided)

    def _known(self, key: Key) -> _Remembered | None:
        """The PinnedRelease as the watch or our last write has it; None when it must be read.

        A list counts for more than what is remembered: it may have come after a restored backup.
        """
        known = self._remembered.get(key)
        version = known.release.resource_version if known is not None else None
        watched = self._neighbours.take_release(key, version)
        if watched is not None and (
            known is None
            or not watched.by_event
            or is_newer(watched.value.resource_version, known.release.resource_version)
        ):
            is_same = known is not None and known.release.uid == watched.value.uid
            memory = known.memory if known is not None and is_same else Memory()
            known = self._remembered[key] = _Remembered(release=watched.value, memory=memory)
        seen = self._neighbours.seen_version(key)
        if known is None or seen is None or is_newer(seen, known.release.resource_version):
            return None
        return known

    def _watched_world(self, key: Key, known: _Remembered, workload: Workload | None) -> Observed:
        pods = self._neighbours.pods_of(key.namespace, workload) if workload is not None else None
        return Observed(
            release=known.release,
            workload=workload,
            registry=self._registries.observe(key, known.release, workload, pods),
            pods=pods,
            watching_since=self._watching_since,
            watched_until=self._watched_until,
            memory=known.memory,
            limits=self._limits,
        )

    async def _fresh_world(self, key: Key) -> Observed | None:
        remembered = self._remembered.get(key)
        memory = remembered.memory if remembered else Memory()
        observed = await gather(
            key, self._reads, self._neighbours, self._registries, memory, self._limits
        )
        if observed is None:
            return None
        observed = replace(
            observed, watching_since=self._watching_since, watched_until=self._watched_until
        )
        if remembered is None:
            return observed
        is_same_object = remembered.release.uid == observed.release.uid
        return observed if is_same_object else replace(observed, memory=Memory())

    async def _report_refusal(
        self, key: Key, observed: Observed, refused: WorkloadWriteRefused
    ) -> float | None:
        """Remember the refusal, and tell it.

        A write that only fails is tried again as after any failure, until that has lasted for some
        seconds. It is held back only once it has been told: a server that answers nothing takes no
        status either, and nobody is to wait when it is back.
        """
        now, before, failure = self._clock.now(), observed.memory.refusal, refused.failure
        refusal = refusals.noted(before, observed.release, refused.kind, refused.message, now)
        noted = refusal if failure is not None else self._held(refusal, refused)
        memory = replace(observed.memory, refusal=noted)
        self._remembered[key] = _Remembered(release=observed.release, memory=memory)
        if failure is not None and not refusals.is_worth_telling(refusal, now):
            raise failure
        log.warning("workload write refused", extra={"pin": str(key), "error": refused.message})
        again = await self._fresh_world(key)
        if again is None:
            return None
        if again.memory.refusal is not None:
            # The pause begins now: slow reads must not use it up.
            memory = replace(again.memory, refusal=self._held(refusal, refused))
            again = replace(again, memory=memory)
        if refused.kind is RefusalKind.REWRITTEN and refusals.is_same_difference(observed, again):
            # Our write has taken the image over from whoever is to be named.
            again = replace(again, workload=observed.workload)
        return await self._tell(key, again)

    async def _tell(self, key: Key, again: Observed) -> float | None:
        """Plan once more after a refusal, and say so. This never writes the workload.

        Where it would, somebody has asked anew meanwhile: that takes a pass of its own.
        """
        now = self._clock.now()
        decided = plan(again, now)
        if decided.writes_workload:
            raise Conflict(f"{key}: asked anew while a write was being refused")
        release = await Execution(decided, again.release, self._writes, now).run()
        self._remembered[key] = _Remembered(release=release, memory=decided.memory)
        return decided.requeue_after_s

    def _held(self, refusal: Refusal, refused: WorkloadWriteRefused) -> Refusal:
        wish_s = refused.failure.retry_after_s if refused.failure is not None else None
        chance = self._clock.unit_random()
        return refusals.held(refusal, self._clock.now(), chance, at_least_s=wish_s or 0.0)
