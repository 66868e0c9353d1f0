"""Metrics: what Prometheus reads, parsed by its own parser; bounded, and gone with the object."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from prometheus_client import generate_latest
from prometheus_client.openmetrics import exposition, parser
from prometheus_client.parser import text_string_to_metric_families

from controlplane.processes import free_port
from metrics_worlds import AT_REST, condition, counted_everything, fleet, incident
from pinnedrelease.cluster.policies import InstalledPolicy
from pinnedrelease.cluster.writer import Writer
from pinnedrelease.controller.counted_writes import CountedWrites
from pinnedrelease.controller.metric_families import DISTINCT_LIMIT, FAMILIES, Family, MetricType
from pinnedrelease.controller.metrics import Metrics
from pinnedrelease.controller.metrics_server import MetricsServer
from pinnedrelease.controller.queue import WorkQueue
from pinnedrelease.core.drift import DriftKind
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import EffectivePin, PinSource
from pinnedrelease.core.shards import Shard
from pinnedrelease.core.status import Status
from pinnedrelease.reconcile.gather import Key
from worlds import NOON, PIN_A, PIN_B, release

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(metrics: Metrics) -> Series:
    """Every sample, as Prometheus' own parser reads it."""
    metrics.look()
    text = generate_latest(metrics.registry).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(metrics: Metrics, series: str, /, **labels: str) -> float | None:
    return read(metrics).get((series, tuple(sorted(labels.items()))))


def names(metrics: Metrics) -> set[str]:
    return {name for name, _ in read(metrics)}


def test_the_pair_in_force_is_a_series_and_goes_with_its_object() -> None:
    here = [replace(release(), status=Status(conditions=(condition("Ready"),)))]
    metrics = Metrics()
    metrics.watch_releases(lambda: here)
    where = {"namespace": "shop", "name": "web"}
    info = {"repository": PIN_A.spelling, "tag": PIN_A.tag, "digest": str(PIN_A.digest)}

    assert value(metrics, "pinnedrelease_release_info", **where, **info) == 1
    ready = {"type": "Ready", "status": "True", "reason": "Pinned"}
    assert value(metrics, "pinnedrelease_condition", **where, **ready) == 1
    assert value(metrics, "pinnedrelease_drift", **where) == 0

    here.clear()
    assert not [name for name, labels in read(metrics) if dict(labels).get("namespace")]


def test_an_override_in_force_is_what_the_series_name() -> None:
    overridden = Status(effective=EffectivePin(pin=PIN_B, source=PinSource.OVERRIDE))
    metrics = Metrics()
    metrics.watch_releases(lambda: [replace(release(), status=overridden)])

    digests = {
        dict(labels)["digest"]
        for name, labels in read(metrics)
        if name == "pinnedrelease_release_info"
    }

    assert digests == {str(PIN_B.digest)}


def test_an_incident_is_counted_when_it_is_told_and_again_when_it_is_corrected() -> None:
    metrics = Metrics()
    kind = {"kind": "Template", "actor": "kubectl-edit"}
    open_one = Status(drift=(incident(),))
    corrected = Status(drift=(incident(correct_time=NOON + timedelta(seconds=1)),))

    metrics.status_changed(Status(), open_one)
    metrics.status_changed(open_one, open_one)
    assert value(metrics, "pinnedrelease_drift_detected_total", **kind) == 1
    assert value(metrics, "pinnedrelease_corrections_total", actor="kubectl-edit") is None

    metrics.status_changed(open_one, corrected)
    metrics.status_changed(corrected, corrected)
    assert value(metrics, "pinnedrelease_drift_detected_total", **kind) == 1
    assert value(metrics, "pinnedrelease_corrections_total", actor="kubectl-edit") == 1


def test_a_template_that_only_differs_in_another_way_now_has_not_been_put_right() -> None:
    metrics = Metrics()
    other = replace(incident(), observed="web:other", detect_time=NOON + timedelta(seconds=1))
    ended = incident(correct_time=NOON + timedelta(seconds=1))

    metrics.status_changed(Status(drift=(incident(),)), Status(drift=(other, ended)))

    assert "pinnedrelease_corrections_total" not in names(metrics)


def test_each_shard_says_which_one_it_is_and_how_many_there_are() -> None:
    leads = [False]
    metrics = Metrics()
    metrics.watch_lead(lambda: leads[0], Shard(1, 3))
    own = {"name": "pinnedrelease", "shard": "1"}

    assert value(metrics, "leader_election_master_status", **own) == 0
    assert value(metrics, "pinnedrelease_shards") == 3

    leads[0] = True
    assert value(metrics, "leader_election_master_status", **own) == 1


def test_a_tag_that_moved_is_no_correction() -> None:
    metrics = Metrics()

    metrics.status_changed(Status(), Status(drift=(incident(kind=DriftKind.TAG_MOVED),)))

    assert value(metrics, "pinnedrelease_tag_moves_total") == 1
    assert "pinnedrelease_corrections_total" not in names(metrics)


@pytest.mark.parametrize("metric", ["pinnedrelease_corrections_total",
                                    "pinnedrelease_drift_detected_total",
                                    "pinnedrelease_registry_requests_total"])  # fmt: skip
def test_labels_that_others_choose_are_bounded(metric: str) -> None:
    metrics = Metrics()
    for number in range(10 * DISTINCT_LIMIT):
        record = incident(actor=f"manager-{number}", correct_time=NOON)
        metrics.status_changed(Status(), Status(drift=(record,)))
        metrics.asked_registry(f"registry-{number}.example.com", "200")

    found = {labels: count for (name, labels), count in read(metrics).items() if name == metric}

    assert len(found) == DISTINCT_LIMIT + 1
    assert sum(found.values()) == 10 * DISTINCT_LIMIT


def test_names_with_quotes_and_line_ends_stay_one_label() -> None:
    metrics = Metrics()
    actor = 'a"} 1\nfake_metric{x="'

    metrics.status_changed(Status(), Status(drift=(incident(actor=actor, correct_time=NOON),)))

    assert value(metrics, "pinnedrelease_corrections_total", actor=actor) == 1
    assert "fake_metric" not in names(metrics)


@pytest.mark.parametrize(("version", "is_awaited"), [("10", False), ("11", True)])
async def test_only_a_status_that_makes_a_new_version_is_awaited(
    version: str, *, is_awaited: bool
) -> None:
    """A patch that changes nothing is told by no watch: to wait for it would end the process."""

    class Stores(Writer):
        async def write_status(self, release: Release, status: Status) -> str:  # noqa: ARG002
            return version

    awaited: list[tuple[Key, str]] = []
    writes = CountedWrites(
        object.__new__(Stores),
        Metrics(),
        lambda key, version: awaited.append((key, version)),
        lambda _namespace, _workload: None,
    )

    await writes.write_status(release(), Status())

    assert bool(awaited) is is_awaited


def test_policies_that_are_gone_have_no_series() -> None:
    metrics = Metrics()
    metrics.found_policies(
        [
            InstalledPolicy(kind="ValidatingAdmissionPolicy", name="hold", bindings=("hold",)),
            InstalledPolicy(kind="ValidatingAdmissionPolicy", name="deny", bindings=()),
        ]
    )
    assert value(metrics, "pinnedrelease_admission_policy_bound", policy="hold") == 1
    assert value(metrics, "pinnedrelease_admission_policy_bound", policy="deny") == 0

    metrics.found_policies([])
    assert "pinnedrelease_admission_policy_bound" not in names(metrics)


def test_conditions_that_others_have_added_are_no_series() -> None:
    """Their number, types and reasons are whatever somebody with the right has written there."""
    foreign = condition("Foreign", reason="AnyWord")
    metrics = Metrics()
    metrics.watch_releases(
        lambda: [replace(release(), status=Status(conditions=(condition("Ready"), foreign)))]
    )

    types = {dict(labels)["type"] for name, labels in read(metrics) if "condition" in name}

    assert types == {"Ready"}


async def test_the_queue_is_looked_at_and_its_steps_are_counted() -> None:
    metrics = Metrics()
    queue = WorkQueue(spacing_s=0.0, tell=metrics.queued)
    metrics.watch_queue(queue, workers=8)
    for name in ("a", "b", "b"):
        queue.add(Key("shop", name))
    in_work = await queue.take()
    await asyncio.sleep(0.02)

    found = {name: count for (name, _), count in read(metrics).items()}
    assert found["workqueue_adds_total"] == 2
    assert found["workqueue_depth"] == 1
    assert found["workqueue_queue_duration_seconds_count"] == 1
    assert found["controller_runtime_active_workers"] == 1
    assert found["controller_runtime_max_concurrent_reconciles"] == 8
    assert found["workqueue_longest_running_processor_seconds"] >= 0.02
    assert found["workqueue_unfinished_work_seconds"] >= 0.02

    queue.done(in_work)
    found = {name: count for (name, _), count in read(metrics).items()}
    assert found["controller_runtime_active_workers"] == 0
    assert found["workqueue_longest_running_processor_seconds"] == 0
    assert found["workqueue_work_duration_seconds_sum"] >= 0.02


@pytest.mark.parametrize(
    ("result", "errors", "panics"), [("success", 0, 0), ("error", 1, 0), ("panic", 1, 1)]
)
def test_a_defect_is_an_error_and_told_apart(result: str, errors: int, panics: int) -> None:
    metrics = Metrics()

    metrics.passed(result, 0.1)

    found = {name: count for (name, _), count in read(metrics).items()}
    assert found["controller_runtime_reconcile_errors_total"] == errors
    assert found["controller_runtime_reconcile_panics_total"] == panics
    assert found["workqueue_retries_total"] == errors
    told = {"controller": "pinnedrelease", "result": "error" if errors else "success"}
    assert value(metrics, "controller_runtime_reconcile_total", **told) == 1


async def test_a_scrape_has_the_families_of_the_list_and_no_others() -> None:
    metrics = await counted_everything()
    metrics.look()

    found: dict[str, tuple[str, set[str]]] = {}
    for family in text_string_to_metric_families(generate_latest(metrics.registry).decode()):
        for sample in family.samples:
            is_histogram = family.type == MetricType.HISTOGRAM
            name = family.name if is_histogram else sample.name
            labels = set(sample.labels) - ({"le"} if is_histogram else set())
            found[name] = (family.type, labels)

    assert found == {one.name: (one.type, set(one.labels)) for one in FAMILIES}


@pytest.mark.parametrize("family", FAMILIES, ids=[one.name for one in FAMILIES])
def test_names_follow_the_conventions_of_prometheus(family: Family) -> None:
    """https://prometheus.io/docs/practices/naming/."""
    assert (family.type is MetricType.COUNTER) == family.name.endswith("_total")
    assert family.type is not MetricType.HISTOGRAM or family.name.endswith("_seconds")
    assert family.says.endswith(".")


async def test_ten_thousand_releases_are_eight_series_each_and_the_parser_reads_them() -> None:
    """Info, drift, history and the five conditions of one at rest: a number to plan with."""
    metrics = await counted_everything()
    metrics.watch_releases(lambda: fleet(10_000))
    metrics.look()
    text = generate_latest(metrics.registry)

    assert len(text) < 16 * 2**20
    families = text_string_to_metric_families(text.decode())
    samples = [sample for family in families for sample in family.samples]
    of_objects = [sample for sample in samples if sample.labels.get("namespace") == "shop"]
    assert len(of_objects) == 10_000 * (3 + len(AT_REST))
    assert len(samples) - len(of_objects) < 100


async def test_the_strict_parser_of_openmetrics_reads_the_same() -> None:
    metrics = await counted_everything()
    metrics.look()

    text = exposition.generate_latest(metrics.registry)  # type: ignore[no-untyped-call]
    strict = parser.text_string_to_metric_families(text.decode())  # type: ignore[no-untyped-call]

    assert {sample.name for family in strict for sample in family.samples} == names(metrics)


async def test_the_event_loop_turns_while_ten_thousand_are_rendered() -> None:
    """Otherwise a scrape would keep corrections, probes and the Lease waiting."""
    metrics, port = Metrics(), free_port()
    many = fleet(10_000)
    metrics.watch_releases(lambda: many)
    server = asyncio.create_task(MetricsServer(metrics).serve("127.0.0.1", port))
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.001)
            turns += 1

    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        await until_it_answers(client, f"http://127.0.0.1:{port}/")
        turning = asyncio.create_task(turn())
        async with client.stream("GET", f"http://127.0.0.1:{port}/metrics") as answer:
            in_time = turns
            body = b"".join([piece async for piece in answer.aiter_raw()])
    for task in (turning, server):
        task.cancel()
    await asyncio.gather(turning, server, return_exceptions=True)

    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(body) < 2**20
    assert gzip.decompress(body).count(b"pinnedrelease_release_info{") == 10_000
    assert in_time > 20


async def until_it_answers(client: httpx.AsyncClient, url: str) -> None:
    while True:
        try:
            await client.get(url)
        except httpx.TransportError:
            await asyncio.sleep(0.01)
        else:
            return
