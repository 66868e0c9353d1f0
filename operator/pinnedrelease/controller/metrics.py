"""What Prometheus can ask this process: the families of ``metric_families``, and who counts them.

Label values that others choose (field managers, registry hosts) are bounded; series of an object
vanish with the object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from pinnedrelease import __version__
from pinnedrelease.cluster.policies import InstalledPolicy
from pinnedrelease.controller import metric_families as families
from pinnedrelease.controller.fleet_metrics import FleetCollector
from pinnedrelease.controller.metric_families import DISTINCT_LIMIT, OTHERS, Family
from pinnedrelease.controller.queue import Step
from pinnedrelease.core.drift import DriftKind, still_differing
from pinnedrelease.core.observed import Release
from pinnedrelease.core.shards import Shard
from pinnedrelease.core.status import Status

CONTROLLER = "pinnedrelease"
PASS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
QUEUE_SECONDS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)

# Otherwise each counter has a second series, with the moment of its first use.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Bounded:
    """Lets the first values of a label through, and calls the rest ``others``."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        """The value, or ``others``."""
        if value not in self._known and len(self._known) >= DISTINCT_LIMIT:
            return OTHERS
        self._known.add(value)
        return value


class Queue(Protocol):
    """What is asked of the work queue."""

    def __len__(self) -> int:
        """Keys in line."""

    def in_work_for_s(self) -> list[float]:
        """For how long each of the keys in work has been there."""


class Metrics:
    """The metrics of one process. Counting costs some microseconds and never fails."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._fleet = FleetCollector()
        self.registry.register(self._fleet)
        ProcessCollector(registry=self.registry)
        self._gauge(families.BUILD).labels(__version__).set(1)
        self._passes = self._counter(families.RECONCILE)
        self._pass_errors = self._counter(families.RECONCILE_ERRORS).labels(CONTROLLER)
        self._pass_panics = self._counter(families.RECONCILE_PANICS).labels(CONTROLLER)
        self._pass_time = self._histogram(families.RECONCILE_TIME, PASS_SECONDS)
        self._adds = self._counter(families.ADDS).labels(CONTROLLER)
        self._retries = self._counter(families.RETRIES).labels(CONTROLLER)
        self._queue_time = self._histogram(families.QUEUE_TIME, QUEUE_SECONDS)
        self._work_time = self._histogram(families.WORK_TIME, QUEUE_SECONDS)
        self._writes = self._counter(families.WRITES)
        self._drift = self._counter(families.DRIFT_DETECTED)
        self._corrections = self._counter(families.CORRECTIONS)
        self._tag_moves = self._counter(families.TAG_MOVES)
        self._requests = self._counter(families.REGISTRY_REQUESTS)
        self._api_requests = self._counter(families.API_REQUESTS)
        self._policies = self._gauge(families.POLICY_BOUND)
        self._actor, self._host = Bounded(), Bounded()
        self._looks: list[Callable[[], None]] = []

    def look(self) -> None:
        """Take what is true now, for whoever renders it: in the thread that changes it."""
        for look in self._looks:
            look()

    def watch_queue(self, queue: Queue, workers: int) -> None:
        """Look at this queue, which has so many workers."""
        self._gauge(families.MAX_CONCURRENT).labels(CONTROLLER).set(workers)
        depth, active, unfinished, longest = (
            self._gauge(family).labels(CONTROLLER)
            for family in (
                families.DEPTH,
                families.ACTIVE_WORKERS,
                families.UNFINISHED,
                families.LONGEST,
            )
        )

        def look() -> None:
            in_work_for_s = queue.in_work_for_s()
            depth.set(len(queue))
            active.set(len(in_work_for_s))
            unfinished.set(sum(in_work_for_s))
            longest.set(max(in_work_for_s, default=0.0))

        self._looks.append(look)

    def watch_lead(self, is_leading: Callable[[], bool], shard: Shard) -> None:
        """Look whether this process may write. One shard tells how many the others are, too."""
        leader = self._gauge(families.LEADER).labels(CONTROLLER, str(shard.number))
        self._gauge(families.SHARDS).set(shard.count)
        self._looks.append(lambda: leader.set(is_leading()))

    def watch_releases(self, releases: Callable[[], Iterable[Release]]) -> None:
        """Look at these PinnedReleases."""

        def look() -> None:
            self._fleet.releases = tuple(releases())

        self._looks.append(look)

    def queued(self, step: Step, seconds: float) -> None:
        """A key has gone a step further, after so long."""
        match step:
            case Step.ADDED:
                self._adds.inc()
            case Step.TAKEN:
                self._queue_time.observe(seconds)
            case Step.FINISHED:
                self._work_time.observe(seconds)

    def passed(self, result: str, seconds: float) -> None:
        """A pass has ended: success, requeue_after, error or panic, which is an error too."""
        is_panic = result == "panic"
        self._passes.labels(CONTROLLER, "error" if is_panic else result).inc()
        self._pass_time.observe(seconds)
        if is_panic or result == "error":
            self._pass_errors.inc()
            self._retries.inc()
        if is_panic:
            self._pass_panics.inc()

    def wrote(self, kind: str) -> None:
        """The API server has stored a write: of a status, a workload or an event."""
        self._writes.labels(kind).inc()

    def status_changed(self, before: Status, after: Status) -> None:
        """Count the incidents that a stored status tells of for the first time."""
        known = {(one.subject, one.detect_time): one for one in before.drift}
        still = still_differing(after.drift)
        for record in after.drift:
            earlier = known.get((record.subject, record.detect_time))
            if earlier is None:
                self._drift.labels(str(record.kind), self._actor(record.actor)).inc()
                if record.kind is DriftKind.TAG_MOVED:
                    self._tag_moves.inc()
            is_template = record.kind is DriftKind.TEMPLATE
            is_corrected = is_template and (record.kind, record.subject) not in still
            if is_corrected and (earlier is None or earlier.correct_time is None):
                self._corrections.labels(self._actor(record.actor)).inc()

    def asked_registry(self, host: str, outcome: str) -> None:
        """A registry or its token server has been asked."""
        self._requests.labels(self._host(host), outcome).inc()

    def asked_api(self, method: str, host: str, code: str) -> None:
        """The API server has been asked."""
        self._api_requests.labels(code, method, host).inc()

    def found_policies(self, policies: Iterable[InstalledPolicy]) -> None:
        """These of our admission policies are installed."""
        self._policies.clear()
        for policy in policies:
            self._policies.labels(policy.name).set(bool(policy.bindings))

    def _counter(self, family: Family) -> Counter:
        return Counter(family.name, family.says, family.labels, registry=self.registry)

    def _gauge(self, family: Family) -> Gauge:
        return Gauge(family.name, family.says, family.labels, registry=self.registry)

    def _histogram(self, family: Family, buckets: tuple[float, ...]) -> Histogram:
        made = Histogram(
            family.name, family.says, family.labels, buckets=buckets, registry=self.registry
        )
        return made.labels(CONTROLLER)
