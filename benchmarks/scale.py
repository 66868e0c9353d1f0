"""What a fleet costs: a restart, a quiet minute, memory, and one change among ten thousand.

Everything is real except the pods' nodes. Each PinnedRelease has a full history, as after months.
The reference of a restart is a program that lists and decodes the same objects, from its start on
as well.
"""

from __future__ import annotations

import time
import urllib.request
from collections import Counter
from http import HTTPStatus
from urllib.error import URLError

import operator_process
from benchmarks import drift
from benchmarks.drift import BARE, OPERATOR
from benchmarks.figures import Figure
from benchmarks.fleet import Fleet
from benchmarks.process import busy_s, peak_mib, resident_mib, wait_idle
from benchmarks.samples import p50_ms
from benchmarks.stage import NODES, Stage, stage
from controlplane.processes import free_port
from operator_process import OperatorProcess

PODS = 3
QUIET_S = 60.0
START_S = 300.0
STARTS = 3
TARGET_MIB = 400e6 / 2**20
HISTORY = 10
AS_KOPF_HANDLES = 1.7
"""To so many times the bare list the page argues: kopf's own work for each listed object."""
RESYNC_S = 50
"""So that a minute has one: as shipped, it is every ten minutes."""
SETTLED_READS = frozenset({"leases", "selfsubjectaccessreviews"})


def run(sizes: tuple[int, ...], repetitions: int) -> list[Figure]:
    """The section, size after size; the last one is the fleet that all figures are about."""
    figures: list[Figure] = []
    port, metrics_port = free_port(), free_port()
    flags = (
        "--leader-election",
        f"--lease-namespace={operator_process.NAMESPACE}",
        f"--health-port={port}",
    )
    with stage(durable=True, nodes=NODES) as here:
        with here.operator(*flags):
            alone = drift.measure(here, "alone", repetitions, with_naive=False)
        fleet = Fleet(here.plane, PODS)
        for size in sizes:
            fleet.grow(size)
            with here.operator(*flags) as operator:
                fleet.pin(size)
                fleet.wait_pinned()
                wait_idle(operator.child.pid)
                adopting_mib = peak_mib(operator.child.pid)
            fleet.age(HISTORY)
            is_last = size == sizes[-1]
            with here.operator(*flags, f"--metrics-port={metrics_port}") as operator:
                wait_idle(operator.child.pid)
                figures.append(_memory(operator, size, adopting_mib, is_last=is_last))
                if is_last:
                    figures += _per_release(sizes, figures)
                    figures += _quiet(here, operator, size)
                    figures.append(_scrape(operator, metrics_port, size))
                    among = drift.measure(here, "among", repetitions, with_naive=False)
                    figures += _among(alone, among, size)
        with here.operator(*flags, f"--resync={RESYNC_S}") as operator:
            wait_idle(operator.child.pid)
            figures.append(_minute(operator, f"a minute with a resync of {sizes[-1]}: processor"))
        figures += _restart(here, flags, port, sizes[-1])
    return figures


def _memory(operator: OperatorProcess, size: int, adopting_mib: float, *, is_last: bool) -> Figure:
    return Figure(
        name=f"resident memory, {size} releases, {size * PODS} pods",
        value=resident_mib(operator.child.pid),
        unit="MiB",
        at_most=TARGET_MIB if is_last else None,
        note=f"at most {peak_mib(operator.child.pid):.0f}; "
        f"of the process that adopted them, with one history entry each: {adopting_mib:.0f}",
    )


def _per_release(sizes: tuple[int, ...], memory: list[Figure]) -> list[Figure]:
    """The slope of the memory; none for a single size."""
    if len(sizes) == 1:
        return []
    slope_kib = (memory[-1].value - memory[0].value) * 1024 / (sizes[-1] - sizes[0])
    name = f"resident memory for one release with {PODS} pods"
    return [Figure(name=name, value=slope_kib, unit="KiB")]


def _quiet(here: Stage, operator: OperatorProcess, size: int) -> list[Figure]:
    """A minute in which nothing happens."""
    audit = here.audit()
    processor = _minute(operator, f"a quiet minute with {size}: processor", at_most=2.0)
    writes = [one for one in audit.writes() if one.resource not in SETTLED_READS]
    asked = Counter(f"{one.verb} {one.resource}" for one in audit.requests())
    return [
        Figure(name=f"a quiet minute with {size}: writes", value=len(writes), unit="", at_most=0.0,
               note=", ".join(f"{count} {what}" for what, count in asked.most_common())),
        processor,
    ]  # fmt: skip


def _minute(operator: OperatorProcess, name: str, at_most: float | None = None) -> Figure:
    busy_before_s = busy_s(operator.child.pid)
    time.sleep(QUIET_S)
    percent = (busy_s(operator.child.pid) - busy_before_s) / QUIET_S * 100
    return Figure(name=name, value=percent, unit="% of a core", at_most=at_most)


def _scrape(operator: OperatorProcess, metrics_port: int, size: int) -> Figure:
    """What reading the metrics once costs."""
    busy_before_s = busy_s(operator.child.pid)
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=60) as answer:
        kib = len(answer.read()) / 1024
    wait_idle(operator.child.pid)
    return Figure(
        name=f"one scrape of {size}: processor", value=busy_s(operator.child.pid) - busy_before_s,
        unit="s", note=f"{kib:.0f} KiB",
    )  # fmt: skip


def _among(alone: drift.Times, among: drift.Times, size: int) -> list[Figure]:
    """One change, alone and among many. The bare loop tells what the API server adds."""
    bare = p50_ms(among[BARE]) / p50_ms(alone[BARE])
    return [
        Figure(
            name=f"drift corrected among {size} others, p50",
            value=p50_ms(among[OPERATOR]), unit="ms", at_most=1.25,
            reference=p50_ms(alone[OPERATOR]), reference_name="alone",
            note=f"bare loop: {bare:.2f} times",
        )
    ]  # fmt: skip


def _restart(here: Stage, flags: tuple[str, ...], port: int, size: int) -> list[Figure]:
    """Starts with everything as it should be, in turn with the bare list."""
    ready_s: list[float] = []
    listed_s: list[float] = []
    settled_s = 0.0
    audit = here.audit()
    for _ in range(STARTS):
        begun_s = time.monotonic()
        with here.operator(*flags) as operator:
            ready_s.append(_seconds_until_ready(port, begun_s))
            settled_s = ready_s[-1] + wait_idle(operator.child.pid)
        token = here.token()
        begun_s = time.monotonic()
        if (bare := here.bare("bare_list", token=token)).wait(START_S) != 0:
            raise RuntimeError(f"the bare list failed:\n{bare.tail()}")
        listed_s.append(time.monotonic() - begun_s)
    writes = [one for one in audit.writes() if one.resource not in SETTLED_READS]
    return [
        Figure(
            name=f"restart with {size}: ready", value=min(ready_s), unit="s", at_most=1.5,
            argued=AS_KOPF_HANDLES, reference=min(listed_s), reference_name="bare list",
            note=f"best of {STARTS}; at rest some {settled_s - ready_s[-1]:.0f} s later",
        ),
        Figure(name=f"{STARTS} restarts with {size}: writes", value=len(writes), unit="",
               at_most=0.0),
    ]  # fmt: skip


def _seconds_until_ready(port: int, begun_s: float) -> float:
    while time.monotonic() - begun_s < START_S:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                if answer.status == HTTPStatus.OK:
                    return time.monotonic() - begun_s
        except (URLError, OSError):
            pass
        time.sleep(0.05)
    raise TimeoutError(f"not ready after {START_S:.0f} s")
