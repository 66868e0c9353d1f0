"""All tasks of the operator under one roof: when one of them ends, the process ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Mapping

from pinnedrelease.api import names
from pinnedrelease.cluster import paths
from pinnedrelease.cluster.configuration import ClusterAccess
from pinnedrelease.cluster.decode import decode_workload
from pinnedrelease.cluster.errors import MalformedDocument
from pinnedrelease.cluster.lister import Lister
from pinnedrelease.cluster.pod_watch import PodWatch
from pinnedrelease.cluster.reader import Reader
from pinnedrelease.cluster.session import Session
from pinnedrelease.cluster.writer import Writer
from pinnedrelease.controller.counted_writes import CountedWrites
from pinnedrelease.controller.election import Election
from pinnedrelease.controller.health import Health
from pinnedrelease.controller.index import (
    TargetIndex,
    has_pins,
    key_in,
    target_in,
    version_in,
)
from pinnedrelease.controller.metrics import Metrics
from pinnedrelease.controller.metrics_server import serve_metrics
from pinnedrelease.controller.orphans import OrphanReads, Orphans
from pinnedrelease.controller.pod_index import PodIndex
from pinnedrelease.controller.policy_watch import watch_policies
from pinnedrelease.controller.queue import WorkQueue
from pinnedrelease.controller.registries import RegistryParts
from pinnedrelease.controller.resync import Reactions, Resync
from pinnedrelease.controller.settings import Settings
from pinnedrelease.controller.spans import Spans
from pinnedrelease.controller.start_checks import check_start
from pinnedrelease.controller.watchdog import Canary, Watchdog
from pinnedrelease.controller.watches import watch
from pinnedrelease.controller.workers import Workers
from pinnedrelease.core.pin import Target, TargetKind
from pinnedrelease.core.workload import Workload
from pinnedrelease.reconcile.clock import Clock
from pinnedrelease.reconcile.gather import Key
from pinnedrelease.reconcile.reconciler import Reconciler

log = logging.getLogger(__name__)

STOP_TIMEOUT_S = 25.0
WATCHES = "watches"


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
        self._session = Session(access)
        self._queue = WorkQueue()
        places = settings.namespaces or (None,)
        self._pods = PodIndex(len(places), self._wake_for_pod, self._is_governed)
        self._index = TargetIndex(self._pods.pods_of)
        self._pod_watches = [
            PodWatch(self._session, self._pods, place, clock.unit_random) for place in places
        ]
        self._metrics = Metrics()
        self._canary = Canary()
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
        lister = Lister(self._session)
        reactions = Reactions(wake=self._queue.add, gone=self._forget)
        self._resync = Resync(
            lister, self._index, reactions, settings.namespaces, clock, settings.resync_s
        )
        self._orphans = Orphans(
            OrphanReads(reader, lister),
            writer,
            is_ready=self._is_ready,
            is_governed=self._is_governed,
        )
        self._reconciler = Reconciler(
            spans.reads(reader),
            spans.writes(CountedWrites(writer, self._metrics, self._canary.wrote)),
            self._index,
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
        self._metrics.watch_depth(lambda: len(self._queue))
        self._metrics.watch_lead(self._is_leading)
        self._metrics.watch_releases(self._reconciler.releases)

    async def run(self) -> bool:
        """Run until a signal. Returns whether the end was asked for. Raises CannotStart."""
        namespaces = self._settings.namespaces
        try:
            await check_start(self._session, namespaces)
            where = ", ".join(namespaces) or "all namespaces"
            server = self._session.server
            log.info("operator started", extra={"namespaces": where, "server": server})
            return await _supervise(self._tasks())
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
        for number, pods in enumerate(self._pod_watches):
            tasks[f"pods-{number}"] = pods.run()
        if settings.health_port:
            health = Health(self._is_ready, self._clock.monotonic_s)
            tasks["health"] = health.serve(settings.health_address, settings.health_port)
        if settings.metrics_port:
            address = (settings.metrics_address, settings.metrics_port)
            tasks["metrics"] = serve_metrics(self._metrics, *address)
            tasks["policies"] = watch_policies(self._session, self._metrics)
        tasks |= self._registries.tasks()
        tasks |= {"watchdog": self._watchdog.run(), "resync": self._resync.run()}
        if settings.limits.admission_hold:
            tasks["orphans"] = self._let_go_of_orphans()
        if self._election is not None:
            tasks["election"] = self._election.run()
        # kopf cancels every task that is younger than itself when it ends, so it comes last.
        tasks[WATCHES] = watch(self._session, self._wake, settings.namespaces, STOP_TIMEOUT_S)
        return tasks

    async def _work(self) -> None:
        """Passes begin once this process leads, and pods are known.

        Without pods a status would say less than before.
        """
        await self._lead()
        await self._pods.wait()
        await self._workers.run()

    async def _let_go_of_orphans(self) -> None:
        await self._lead()
        await self._orphans.run()

    async def _lead(self) -> None:
        """Return once this process leads; at once where there is no election."""
        if self._election is not None:
            await self._election.wait()

    def _is_leading(self) -> bool:
        return self._election is None or self._election.is_leading()

    def _is_governed(self, place: tuple[str, Target]) -> bool:
        return bool(self._index.keys_for(*place))

    def _wake_for_pod(self, namespace: str, target: Target) -> None:
        for key in self._index.keys_for(namespace, target):
            self._queue.add(key)

    def _wake(self, kind: str, event: str | None, document: Mapping[str, object]) -> None:
        """Turn a watch event into keys. Looks at names only and never fails."""
        key = key_in(document)
        if key is None:
            return
        if kind != names.KIND:
            self._wake_for_workload(key, TargetKind(kind), event, document)
            return
        self._canary.saw(key)
        if event == "DELETED":
            self._forget(key)
            return
        rivals = self._index.sharing_target(key)
        self._index.put(key, target_in(document), version_in(document))
        for concerned in {key, *rivals, *self._index.sharing_target(key)}:
            self._queue.add(concerned)

    def _forget(self, key: Key) -> None:
        """A PinnedRelease is gone: whoever shared its target may govern it now."""
        self._canary.saw(key)
        rivals, target = self._index.sharing_target(key), self._index.target_of(key)
        self._index.drop(key)
        if target is not None and not rivals:
            self._note_orphan((key.namespace, target))
        for concerned in (key, *rivals):
            self._queue.add(concerned)

    def _wake_for_workload(
        self, place: Key, kind: TargetKind, event: str | None, document: Mapping[str, object]
    ) -> None:
        target = Target(kind=kind, name=place.name)
        concerned = self._index.keys_for(place.namespace, target)
        if not concerned:
            if event != "DELETED" and has_pins(document):
                self._note_orphan((place.namespace, target))
            return
        self._index.saw_workload(
            (place.namespace, target), None if event == "DELETED" else version_in(document)
        )
        workload: Workload | None = None
        # What a list brings may be older than what has been acted on before a restart.
        if event in ("ADDED", "MODIFIED"):
            with contextlib.suppress(MalformedDocument):
                workload = decode_workload(kind, document)
        for key in concerned:
            self._index.arrived(key, workload)
            self._queue.add(key)

    def _note_orphan(self, place: tuple[str, Target]) -> None:
        if self._settings.limits.admission_hold:
            self._orphans.note(place)

    def _is_ready(self) -> bool:
        """Whether every kind has been listed and is being watched, everywhere."""
        return self._watched() <= self._session.watches.were_opened()

    def _watched(self) -> frozenset[str]:
        """The collections that kopf watches."""
        places: tuple[str | None, ...] = self._settings.namespaces or (None,)
        kinds = (paths.RELEASES, *paths.WORKLOADS.values())
        return frozenset(paths.collection(kind, place) for kind in kinds for place in places)


async def _supervise(tasks: Mapping[str, Awaitable[None]]) -> bool:
    """Run tasks that must not end. Only the watches may: they end when a signal comes."""
    ended: list[str] = []
    try:
        async with asyncio.TaskGroup() as group:
            for name, task in tasks.items():
                group.create_task(_endless(name, task), name=name)
    except* TaskEnded as found:
        ended += [error.name for error in found.exceptions if isinstance(error, TaskEnded)]
    return ended == [WATCHES]


async def _endless(name: str, task: Awaitable[None]) -> None:
    await task
    raise TaskEnded(name)
