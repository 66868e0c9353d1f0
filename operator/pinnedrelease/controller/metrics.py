"""What Prometheus can ask this process: names of controller-runtime where it has one, else ours.

Label values that others choose (field managers, registry hosts) are bounded; series of an object
vanish with the object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pinnedrelease import __version__
from pinnedrelease.cluster.policies import InstalledPolicy
from pinnedrelease.core.drift import DriftKind
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import DesiredPin, Pin
from pinnedrelease.core.status import Status

CONTROLLER = "pinnedrelease"
DISTINCT_LIMIT = 50
"""So many different values a label gets that others choose; the rest is counted together."""
OTHERS = "others"
PASS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


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


class Metrics:
    """The metrics of one process. Counting costs some microseconds and never fails."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        build = self._gauge("pinnedrelease_build_info", "Version of the operator.", "version")
        build.labels(__version__).set(1)
        self._passes = self._counter(
            "controller_runtime_reconcile", "Passes by how they ended.", "controller", "result"
        )
        self._pass_errors = self._counter(
            "controller_runtime_reconcile_errors", "Passes that ended early.", "controller"
        )
        self._pass_time = Histogram(
            "controller_runtime_reconcile_time_seconds",
            "How long passes take.",
            ("controller",),
            buckets=PASS_SECONDS,
            registry=self.registry,
        )
        self._writes = self._counter(
            "pinnedrelease_writes", "Writes that the API server has stored.", "kind"
        )
        self._drift = self._counter(
            "pinnedrelease_drift_detected", "Drift incidents by kind.", "kind"
        )
        self._corrections = self._counter(
            "pinnedrelease_corrections", "Corrected drift by who had caused it.", "actor"
        )
        self._tag_moves = self._counter(
            "pinnedrelease_tag_moves", "Tags that moved in their registry."
        )
        self._requests = self._counter(
            "pinnedrelease_registry_requests", "Requests by host and outcome.", "host", "outcome"
        )
        self._policies = self._gauge(
            "pinnedrelease_admission_policy_bound",
            "Whether an installed admission policy is bound (1) or does nothing (0).",
            "policy",
        )
        self._actor, self._host = Bounded(), Bounded()

    def watch_depth(self, depth: Callable[[], int]) -> None:
        """Ask this for the length of the queue."""
        gauge = self._gauge("workqueue_depth", "Keys that wait for a worker.", "name")
        gauge.labels(CONTROLLER).set_function(depth)

    def watch_lead(self, is_leading: Callable[[], bool]) -> None:
        """Ask this whether this process may write."""
        gauge = self._gauge("leader_election_master_status", "Whether this one writes.", "name")
        gauge.labels(CONTROLLER).set_function(is_leading)

    def watch_releases(self, releases: Callable[[], Iterable[Release]]) -> None:
        """Ask this for the PinnedReleases, whenever somebody reads."""
        self.registry.register(FleetCollector(releases))

    def passed(self, result: str, seconds: float) -> None:
        """A pass has ended: success, requeue_after or error."""
        self._passes.labels(CONTROLLER, result).inc()
        self._pass_time.labels(CONTROLLER).observe(seconds)
        if result == "error":
            self._pass_errors.labels(CONTROLLER).inc()

    def wrote(self, kind: str) -> None:
        """The API server has stored a write: of a status, a workload or an event."""
        self._writes.labels(kind).inc()

    def status_changed(self, before: Status, after: Status) -> None:
        """Count the incidents that a stored status tells of for the first time."""
        known = {(one.subject, one.detect_time): one for one in before.drift}
        for record in after.drift:
            earlier = known.get((record.subject, record.detect_time))
            if earlier is None:
                self._drift.labels(str(record.kind)).inc()
                if record.kind is DriftKind.TAG_MOVED:
                    self._tag_moves.inc()
            is_corrected = record.correct_time is not None and record.kind is DriftKind.TEMPLATE
            if is_corrected and (earlier is None or earlier.correct_time is None):
                self._corrections.labels(self._actor(record.actor)).inc()

    def asked_registry(self, host: str, outcome: str) -> None:
        """A registry or its token server has been asked."""
        self._requests.labels(self._host(host), outcome).inc()

    def found_policies(self, policies: Iterable[InstalledPolicy]) -> None:
        """These of our admission policies are installed."""
        self._policies.clear()
        for policy in policies:
            self._policies.labels(policy.name).set(bool(policy.bindings))

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)


class FleetCollector(Collector):
    """One set of series for each PinnedRelease that this process looks after, made when asked."""

    def __init__(self, releases: Callable[[], Iterable[Release]]) -> None:
        self._releases = releases

    def describe(self) -> Iterable[Metric]:
        """Nothing to compare with: no other collector has these names."""
        return []

    def collect(self) -> Iterable[Metric]:
        """The series as of now."""
        place = ("namespace", "name")
        info = GaugeMetricFamily(
            "pinnedrelease_release_info",
            "The pair in force.",
            labels=(*place, "repository", "tag", "digest"),
        )
        condition = GaugeMetricFamily(
            "pinnedrelease_condition",
            "1 for the status that a condition has.",
            labels=(*place, "type", "status", "reason"),
        )
        drift = GaugeMetricFamily(
            "pinnedrelease_drift", "Drift incidents that are not over.", labels=place
        )
        history = GaugeMetricFamily(
            "pinnedrelease_history_revisions", "Revisions that are kept.", labels=place
        )
        for release in self._releases():
            where = (release.namespace, release.name)
            pin = _pin_in_force(release)
            if pin is not None:
                info.add_metric((*where, pin.spelling, pin.tag, str(pin.digest)), 1)
            for one in release.status.conditions:
                condition.add_metric((*where, str(one.type), str(one.status), str(one.reason)), 1)
            going_on = sum(one.correct_time is None for one in release.status.drift)
            drift.add_metric(where, going_on)
            history.add_metric(where, len(release.status.history.revisions))
        return (info, condition, drift, history)


def _pin_in_force(release: Release) -> Pin | None:
    if release.status.effective is not None:
        return release.status.effective.pin
    return release.spec.pin if isinstance(release.spec, DesiredPin) else None
