"""Metrics: what Prometheus reads, parsed by its own parser; bounded, and gone with the object."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from pinnedrelease.cluster.policies import InstalledPolicy
from pinnedrelease.cluster.writer import Writer
from pinnedrelease.controller.counted_writes import CountedWrites
from pinnedrelease.controller.metrics import DISTINCT_LIMIT, Metrics
from pinnedrelease.core.conditions import Condition, ConditionStatus, ConditionType, Reason
from pinnedrelease.core.drift import DriftKind, DriftRecord
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import EffectivePin, PinSource
from pinnedrelease.core.status import Status
from pinnedrelease.reconcile.gather import Key
from worlds import NOON, PIN_A, PIN_B, desired, release

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(metrics: Metrics) -> Series:
    """Every sample, as Prometheus' own parser reads it."""
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


def incident(**more: object) -> DriftRecord:
    made = DriftRecord(
        kind=DriftKind.TEMPLATE,
        subject="Deployment/web container/web",
        expected="x",
        observed="y",
        actor="kubectl-edit",
        detect_time=NOON,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def ready() -> Condition:
    return Condition(
        type=ConditionType.READY,
        status=ConditionStatus.TRUE,
        reason=Reason.PINNED,
        message="",
        observed_generation=1,
        last_transition_time=NOON,
    )


def test_the_pair_in_force_is_a_series_and_goes_with_its_object() -> None:
    here = [replace(release(), status=Status(conditions=(ready(),)))]
    metrics = Metrics()
    metrics.watch_releases(lambda: here)
    where = {"namespace": "shop", "name": "web"}
    info = {"repository": PIN_A.spelling, "tag": PIN_A.tag, "digest": str(PIN_A.digest)}

    assert value(metrics, "pinnedrelease_release_info", **where, **info) == 1
    condition = {"type": "Ready", "status": "True", "reason": "Pinned"}
    assert value(metrics, "pinnedrelease_condition", **where, **condition) == 1
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
    open_one = Status(drift=(incident(),))
    corrected = Status(drift=(incident(correct_time=NOON + timedelta(seconds=1)),))

    metrics.status_changed(Status(), open_one)
    metrics.status_changed(open_one, open_one)
    assert value(metrics, "pinnedrelease_drift_detected_total", kind="Template") == 1
    assert value(metrics, "pinnedrelease_corrections_total", actor="kubectl-edit") is None

    metrics.status_changed(open_one, corrected)
    metrics.status_changed(corrected, corrected)
    assert value(metrics, "pinnedrelease_drift_detected_total", kind="Template") == 1
    assert value(metrics, "pinnedrelease_corrections_total", actor="kubectl-edit") == 1


def test_a_tag_that_moved_is_no_correction() -> None:
    metrics = Metrics()

    metrics.status_changed(Status(), Status(drift=(incident(kind=DriftKind.TAG_MOVED),)))

    assert value(metrics, "pinnedrelease_tag_moves_total") == 1
    assert "pinnedrelease_corrections_total" not in names(metrics)


@pytest.mark.parametrize("metric", ["pinnedrelease_corrections_total",
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


def test_ten_thousand_releases_are_five_series_each_and_rendered_within_seconds() -> None:
    """A cardinality that a team can plan with: info, drift, history and one per condition."""
    status = Status(conditions=(ready(), replace(ready(), type=ConditionType.TAG_MOVED)))
    fleet: list[Release] = [
        replace(release(), name=f"web-{number}", spec=desired(), status=status)
        for number in range(10_000)
    ]
    metrics = Metrics()
    metrics.watch_releases(lambda: fleet)

    begun = time.perf_counter()
    text = generate_latest(metrics.registry)
    took_s = time.perf_counter() - begun

    of_objects = [line for line in text.splitlines() if b'namespace="shop"' in line]
    assert len(of_objects) == 10_000 * (3 + 2)
    assert len(text) < 16 * 2**20
    assert took_s < 10
