"""Every family of metrics that this process has: one list for the code, the reference and tests.

A name is the one that is scraped and queried. Names and labels are controller-runtime's where it
has the family, so that dashboards made for its operators show this one too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

DISTINCT_LIMIT = 50
"""So many different values a label gets that others choose; the rest is counted together."""
OTHERS = "others"


class MetricType(StrEnum):
    """What Prometheus may do with the samples."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One name with its labels."""

    name: str
    type: MetricType
    labels: tuple[str, ...] = ()
    says: str
    bound: str = "1"
    """How many series there can be at the most."""


def _counter(name: str, says: str, *labels: str, bound: str = "1") -> Family:
    return Family(name=name, type=MetricType.COUNTER, labels=labels, says=says, bound=bound)


def _gauge(name: str, says: str, *labels: str, bound: str = "1") -> Family:
    return Family(name=name, type=MetricType.GAUGE, labels=labels, says=says, bound=bound)


def _histogram(name: str, says: str, *labels: str) -> Family:
    return Family(name=name, type=MetricType.HISTOGRAM, labels=labels, says=says)


_PLACE = ("namespace", "name")
_EACH = "1 for each PinnedRelease"
_CHOSEN = f"{DISTINCT_LIMIT + 1}"

INFO = _gauge(
    "pinnedrelease_release_info",
    "1, with the pair in force in its labels.",
    *_PLACE, "repository", "tag", "digest",
    bound=_EACH,
)  # fmt: skip
CONDITION = _gauge(
    "pinnedrelease_condition",
    "1 for the status and reason that a condition has now; conditions of others are left out.",
    *_PLACE, "type", "status", "reason",
    bound="7 for each PinnedRelease: one for each type",
)  # fmt: skip
DRIFT = _gauge("pinnedrelease_drift", "Drift incidents that are not over.", *_PLACE, bound=_EACH)
HISTORY = _gauge(
    "pinnedrelease_history_revisions", "Revisions that status.history keeps.", *_PLACE, bound=_EACH
)

DRIFT_DETECTED = _counter(
    "pinnedrelease_drift_detected_total",
    "Drift incidents, by what differs and by the field manager or user that made it differ.",
    "kind", "actor",
    bound=f"4 x {_CHOSEN}",
)  # fmt: skip
CORRECTIONS = _counter(
    "pinnedrelease_corrections_total",
    "Templates put right, by the field manager or user that had changed them.",
    "actor",
    bound=_CHOSEN,
)
TAG_MOVES = _counter(
    "pinnedrelease_tag_moves_total", "Tags that were found to point at other content, or at none."
)
WRITES = _counter(
    "pinnedrelease_writes_total",
    "Writes that the API server has stored: status, workload or event.",
    "kind",
    bound="3",
)
POLICY_BOUND = _gauge(
    "pinnedrelease_admission_policy_bound",
    "1 when an installed admission policy of ours is bound, 0 when it does nothing.",
    "policy",
    bound="1 for each policy that is installed",
)

REGISTRY_REQUESTS = _counter(
    "pinnedrelease_registry_requests_total",
    "Requests to registries and their token servers: outcome is the HTTP status, timeout, "
    "unreachable, or refused (by our own rules, or because the answer is no answer).",
    "host", "outcome",
    bound=f"{_CHOSEN} hosts, each with the outcomes that it had",
)  # fmt: skip

RECONCILE = _counter(
    "controller_runtime_reconcile_total",
    "Passes by how they ended: success, requeue_after or error.",
    "controller", "result",
    bound="3",
)  # fmt: skip
RECONCILE_ERRORS = _counter(
    "controller_runtime_reconcile_errors_total", "Passes that ended early.", "controller"
)
RECONCILE_PANICS = _counter(
    "controller_runtime_reconcile_panics_total",
    "Passes that ended in an exception that nobody had expected: a defect of the operator.",
    "controller",
)
RECONCILE_TIME = _histogram(
    "controller_runtime_reconcile_time_seconds", "How long passes take.", "controller"
)
MAX_CONCURRENT = _gauge(
    "controller_runtime_max_concurrent_reconciles", "Workers (--workers).", "controller"
)
ACTIVE_WORKERS = _gauge(
    "controller_runtime_active_workers", "Workers that are in a pass now.", "controller"
)

DEPTH = _gauge("workqueue_depth", "Keys that wait for a worker.", "name")
ADDS = _counter("workqueue_adds_total", "Keys that were put in line.", "name")
RETRIES = _counter("workqueue_retries_total", "Keys that come back after a failure.", "name")
QUEUE_TIME = _histogram(
    "workqueue_queue_duration_seconds", "How long keys wait for a worker.", "name"
)
WORK_TIME = _histogram("workqueue_work_duration_seconds", "How long a worker has a key.", "name")
UNFINISHED = _gauge(
    "workqueue_unfinished_work_seconds", "Sum of the time that keys now in work have taken.", "name"
)
LONGEST = _gauge(
    "workqueue_longest_running_processor_seconds",
    "How long the key that has been in work for longest has taken.",
    "name",
)

LEADER = _gauge(
    "leader_election_master_status",
    "1 for the process of its shard that writes; without an election each writes.",
    "name", "shard",
)  # fmt: skip
SHARDS = _gauge(
    "pinnedrelease_shards", "Into how many parts the namespaces are divided (COUNT of --shard)."
)
API_REQUESTS = _counter(
    "rest_client_requests_total",
    "Requests to the API server by status; <error> when there was no answer.",
    "code", "method", "host",
    bound="5 methods, each with the statuses that were answered",
)  # fmt: skip
BUILD = _gauge("pinnedrelease_build_info", "1, with the operator's version.", "version")

GROUPS = {
    "Each PinnedRelease": (INFO, CONDITION, DRIFT, HISTORY),
    "What the operator found and did": (
        DRIFT_DETECTED, CORRECTIONS, TAG_MOVES, WRITES, POLICY_BOUND,
    ),
    "Registries": (REGISTRY_REQUESTS,),
    "Passes": (
        RECONCILE, RECONCILE_ERRORS, RECONCILE_PANICS, RECONCILE_TIME, MAX_CONCURRENT,
        ACTIVE_WORKERS,
    ),
    "The queue": (DEPTH, ADDS, RETRIES, QUEUE_TIME, WORK_TIME, UNFINISHED, LONGEST),
    "The process": (
        LEADER, SHARDS, API_REQUESTS, BUILD,
        _counter("process_cpu_seconds_total", "Processor time, of user and system."),
        _gauge("process_resident_memory_bytes", "Resident memory."),
        _gauge("process_virtual_memory_bytes", "Virtual memory."),
        _gauge("process_start_time_seconds", "Start, in seconds since 1970."),
        _gauge("process_open_fds", "Open file descriptors."),
        _gauge("process_max_fds", "Limit of open file descriptors."),
    ),
}  # fmt: skip
"""All families by what they are about; those of the process come from the client library."""
FAMILIES = tuple(one for group in GROUPS.values() for one in group)
