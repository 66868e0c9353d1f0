"""All tasks of the operator under one roof: when one of them ends, the process ends."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Awaitable, Mapping
from contextlib import suppress

from pinnedrelease.cluster import paths
from pinnedrelease.cluster.configuration import ClusterAccess
from pinnedrelease.cluster.list_watch import ListWatch
from pinnedrelease.cluster.lister import Lister
from pinnedrelease.cluster.pods import watched_pod
from pinnedrelease.cluster.reader import Reader
from pinnedrelease.cluster.session import Session, is_being_cancelled
from pinnedrelease.cluster.workloads import placed_workload
from pinnedrelease.cluster.writer import Writer
from pinnedrelease.controller.counted_writes import CountedWrites
from pinnedrelease.controller.election import Election
from pinnedrelease.controller.first_lists import SYNC_S
from pinnedrelease.controller.free_memory import give_back, trimmer
from pinnedrelease.controller.health import Health
from pinnedrelease.controller.index import (
    Place,
    TargetIndex,
    key_in,
    target_in,
    version_in,
)
from pinnedrelease.controller.known import Watches, brought_release
from pinnedrelease.controller.metrics import Metrics
from pinnedrelease.controller.metrics_server import MetricsServer
from pinnedrelease.controller.orphans import OrphanReads, Orphans
from pinnedrelease.controller.pod_index import PodIndex
from pinnedrelease.controller.policy_watch import watch_policies
from pinnedrelease.controller.queue import WorkQueue
from pinnedrelease.controller.registries import RegistryParts
from pinnedrelease.controller.resync import Reactions, Resync, Told
from pinnedrelease.controller.settings import Settings
from pinnedrelease.controller.spans import Spans
from pinnedrelease.controller.start_checks import check_start
from pinnedrelease.controller.watchdog import Canary, Watchdog
from pinnedrelease.controller.watches import watch
from pinnedrelease.controller.workers import Workers
from pinnedrelease.controller.workload_index import WorkloadIndex
from pinnedrelease.core.letting_go import pinned_containers
from pinnedrelease.core.pin import Target, TargetKind
from pinnedrelease.reconcile.clock import Clock
from pinnedrelease.reconcile.gather import Key
from pinnedrelease.reconcile.reconciler import Reconciler

log = logging.getLogger(__name__)

STOP_TIMEOUT_S = 25.0
WATCHES = "watches"
THRESHOLD_WHILE_LISTING = (20_000, 50, 1000)
"""For the collector: what lists bring is kept, so that looking for garbage in it is in vain."""


class TaskEnded(Exception):
    """A task that runs for ever has ended."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} ended")
        self.name = name


class Operator:
    """One operator process."""

    def __init__(
        self, settings: Settings, access: ClusterAccess, clock: Clock, spans: Spans
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._is_sparing = False
        self._usual_threshold = gc.get_threshold()
        self._metrics = Metrics()
        self._session = Session(access, self._metrics.asked_api)
        self._queue = WorkQueue(
            slow_at_once=max(1, settings.workers // 2), tell=self._metrics.queued
        )
        places = settings.namespaces or (None,)
        self._index = TargetIndex()
        self._workloads = WorkloadIndex(len(places) * len(TargetKind), self._wake_for_workload)
        self._pods = PodIndex(len(places), self._wake_for_pod, self._is_governed)
        self._canary = Canary(clock.monotonic_s, self._index.seen_version)
        self._watchdog = Watchdog(self._session, self._canary, self._watched())
        self._registries = RegistryParts(
            settings.registries,
            self._session,
            clock,
            self._queue.add,
            self._metrics.asked_registry,
            spans,
        )
        reader = Reader(self._session)
        self._election: Election | None = None
        writer = Writer(self._session, self._is_leading)
        lister = Lister(self._session, settings.shard.owns)
        reactions = Reactions(wake=self._queue.add, gone=self._forget)
        self._resync = Resync(
            lister,
            Told(releases=self._index, workloads=self._workloads),
            reactions,
            settings.namespaces,
            clock,
            settings.resync_s,
        )
        self._orphans = Orphans(
            OrphanReads(reader, lister),
            writer,
            is_ready=self._is_ready,
            is_governed=self._is_governed,
        )
        self._reconciler = Reconciler(
            spans.reads(reader),
            spans.writes(
                CountedWrites(writer, self._metrics, self._canary.wrote, self._workloads.stored)
            ),
            Watches(self._index, self._workloads, self._pods),
            clock,
            settings.limits,
            self._registries.watch,
        )
        if settings.election is not None:
            begin = self._reconciler.take_over
            self._election = Election(settings.election, reader, writer, clock, begin)
        self._workers = Workers(
            self._queue, spans.passes(self._reconciler.reconcile), clock, self._metrics.passed
        )
        self._metrics.watch_queue(self._queue, settings.workers)
        self._metrics.watch_lead(self._is_leading, settings.shard)
        self._metrics.watch_releases(self._reconciler.releases)

    async def run(self) -> bool:
        """Run until a signal. Returns whether the end was asked for. Raises CannotStart."""
        namespaces = self._settings.namespaces
        gc.set_threshold(*THRESHOLD_WHILE_LISTING)
        try:
            await check_start(self._session, namespaces)
            where = ", ".join(namespaces) or "all namespaces"
            server = self._session.server
            log.info("operator started", extra={"namespaces": where, "server": server})
            return await supervise(self._tasks())
        finally:
            await self._registries.close()
            if self._election is not None:
                await self._election.release()
            await self._session.close()

    def _tasks(self) -> Mapping[str, Awaitable[None]]:
        settings = self._settings
        tasks: dict[str, Awaitable[None]] = {
            f"worker-{number}": self._work() for number in range(settings.workers)
        }
        tasks |= self._list_watches()
        if settings.health_port:
            health = Health(self._is_ready, self._clock.monotonic_s)
            tasks["health"] = health.serve(settings.health_address, settings.health_port)
        if settings.metrics_port:
            server = MetricsServer(self._metrics)
            tasks["metrics"] = server.serve(settings.metrics_address, settings.metrics_port)
            tasks["policies"] = watch_policies(self._session, self._metrics)
        tasks |= self._registries.tasks()
        tasks["watchdog"] = self._watchdog.run()
        if (trim := trimmer()) is not None:
            tasks["free memory"] = give_back(trim)
        if settings.resync_s:
            tasks["resync"] = self._resync.run()
        if settings.limits.admission_hold:
            tasks["orphans"] = self._let_go_of_orphans()
        if self._election is not None:
            tasks["election"] = self._election.run()
        # kopf cancels every task that is younger than itself when it ends, so it comes last.
        tasks[WATCHES] = watch(self._session, self._wake, settings.namespaces, STOP_TIMEOUT_S)
        return tasks

    def _list_watches(self) -> dict[str, Awaitable[None]]:
        """Workloads and pods; PinnedReleases are kopf's (ADR 14)."""
        found: dict[str, Awaitable[None]] = {}
        chance, is_mine = self._clock.unit_random, self._settings.shard.owns
        for place in self._settings.namespaces or (None,):
            for kind, resource in paths.WORKLOADS.items():
                events, decode = self._workloads.of(kind), placed_workload(kind, is_mine)
                watch = ListWatch(self._session, resource, place, decode, events, chance)
                found[f"{resource.plural} in {place}"] = watch.run()
            pods = ListWatch(
                self._session, paths.PODS, place, watched_pod(is_mine), self._pods, chance
            )
            found[f"pods in {place}"] = pods.run()
        return found

    async def _work(self) -> None:
        """Passes begin once everything is known, and this process leads.

        Without pods a status would say less than before; without workloads each would be read; and
        of two PinnedReleases with one target the first would not know of the other.
        """
        await self._workloads.first_lists.wait()
        await self._pods.first_lists.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(SYNC_S):
                for path in self._collections(paths.RELEASES):
                    await self._session.watches.wait_opened(path)
        self._spare_what_lasts()
        await self._lead()
        await self._workers.run()

    def _spare_what_lasts(self) -> None:
        """What the lists brought lives as long as the process: the collector looks at it no more.

        With a fleet of ten thousand each of its full rounds would pause everything.
        """
        if not self._is_sparing:
            self._is_sparing = True
            gc.freeze()
            gc.set_threshold(*self._usual_threshold)

    async def _let_go_of_orphans(self) -> None:
        await self._lead()
        await self._orphans.run()

    async def _lead(self) -> None:
        """Return once this process leads; at once where there is no election."""
        if self._election is not None:
            await self._election.wait()

    def _is_leading(self) -> bool:
        return self._election is None or self._election.is_leading()

    def _is_governed(self, place: Place) -> bool:
        return bool(self._index.keys_for(*place))

    def _wake_for_pod(self, namespace: str, target: Target) -> None:
        for key in self._index.keys_for(namespace, target):
            self._queue.add(key)

    def _wake(self, event: str | None, document: Mapping[str, object]) -> None:
        """Turn a watch event of a PinnedRelease into keys. Never fails."""
        key = key_in(document)
        if key is None or not self._settings.shard.owns(key.namespace):
            return
        version = version_in(document)
        self._canary.saw(key, version)
        if event == "DELETED":
            self._forget(key)
            return
        is_news = not self._reconciler.knows(key, version)
        rivals = self._index.sharing_target(key)
        soon = event is not None and self._is_leading()
        brought = brought_release(event, document, soon=soon) if is_news else None
        self._index.put(key, target_in(document), version, brought)
        if is_news:
            self._queue.add(key)
        for concerned in {*rivals, *self._index.sharing_target(key)}:
            self._queue.add(concerned)

    def _forget(self, key: Key) -> None:
        """A PinnedRelease is gone: whoever shared its target may govern it now."""
        self._canary.saw(key, None)
        rivals, target = self._index.sharing_target(key), self._index.target_of(key)
        self._index.drop(key)
        if target is not None and not rivals:
            self._note_orphan((key.namespace, target))
        for concerned in (key, *rivals):
            self._queue.add(concerned)

    def _wake_for_workload(self, place: Place, knowing: Key | None) -> None:
        keys = self._index.keys_for(*place)
        for key in keys:
            if key != knowing:
                self._queue.add(key)
        if not keys and knowing is None:
            found = self._workloads.get(place)
            if found is not None and pinned_containers(found.value):
                self._note_orphan(place)

    def _note_orphan(self, place: Place) -> None:
        if self._settings.limits.admission_hold:
            self._orphans.note(place)

    def _is_ready(self) -> bool:
        """Whether every kind has been listed and is being watched, everywhere."""
        lists = (self._workloads.first_lists, self._pods.first_lists)
        is_watching = self._watched() <= self._session.watches.were_opened()
        return is_watching and not any(one.are_awaited for one in lists)

    def _watched(self) -> frozenset[str]:
        """The collections without whose watch this process is blind."""
        return self._collections(paths.RELEASES, *paths.WORKLOADS.values())

    def _collections(self, *kinds: paths.ResourceKind) -> frozenset[str]:
        """The paths of these kinds, in each namespace that is watched or in all of them at once."""
        places: tuple[str | None, ...] = self._settings.namespaces or (None,)
        return frozenset(paths.collection(kind, place) for kind in kinds for place in places)


async def supervise(tasks: Mapping[str, Awaitable[None]]) -> bool:
    """Run tasks that must not end. Only the watches may: they end when a signal comes."""
    ended: list[str] = []
    try:
        async with asyncio.TaskGroup() as group:
            for name, task in tasks.items():
                group.create_task(_endless(name, task), name=name)
    except* TaskEnded as found:
        ended += [error.name for error in found.exceptions if isinstance(error, TaskEnded)]
    return ended == [WATCHES]


async def _endless(name: str, work: Awaitable[None]) -> None:
    try:
        await work
    except asyncio.CancelledError as error:
        if is_being_cancelled():
            raise
        # From inside, and a task group would take it for its own doing: nobody would notice.
        raise TaskEnded(name) from error
    raise TaskEnded(name)
