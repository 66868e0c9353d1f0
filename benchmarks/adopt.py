"""How fast new PinnedReleases are adopted, beside a client that only sends the same requests.

What the operator writes for one adoption is recorded by a proxy; the reference sends just that for
other objects, as many at a time. A second run shares the work between two processes, and a third
one lets these run a part of the time only: so it is where the API server has its own processors.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from audit import AuditedRequest, AuditLog
from benchmarks.figures import Figure
from benchmarks.fleet import Fleet, fleet_name, fleet_namespace
from benchmarks.process import busy_s, held_to, wait_idle
from benchmarks.stage import Stage, stage
from faults.fault_proxy import FaultProxy, Seen
from objects import REPOSITORY
from operator_process import OperatorProcess

SHARE = 0.1
"""So little that two operators leave the API server enough of two cores."""
WORKERS = 8
"""The operator's default, and so the reference's."""
COMPONENTS = ("kube-apiserver", "etcd", "kube-controller-manager")
TAGGED = f"{REPOSITORY}:1.0"
REFERENCE_S = 600.0
MANAGER = "fieldManager=pinnedrelease-controller"
MERGE, APPLY, JSON = (
    "application/merge-patch+json", "application/apply-patch+yaml", "application/json",
)  # fmt: skip
Request = list[object]
"""Method, path with query, content type, body."""


def run(size: int, reference_size: int, sharded: int) -> list[Figure]:
    """The section; without the rows of two shards when ``sharded``, their size, is 0."""
    with stage(durable=True) as here:
        fleet = Fleet(here.plane, replicas=0, image=TAGGED)
        figures = _beside_bare_writes(here, fleet, size, reference_size)
        if sharded:
            figures += _beside_one_process(here, fleet, sharded)
    return figures


def _beside_bare_writes(here: Stage, fleet: Fleet, size: int, reference_size: int) -> list[Figure]:
    """One operator. The reference runs before and after, and nothing that it left is adopted.

    The API server is slower the more it keeps, so Deployments are there before what is compared.
    """
    fleet.grow(1)
    fleet.pin(1)
    requests = _recorded_adoption(here)
    fleet.grow(fleet.size + size + 2 * reference_size)
    before = _reference_rate(here, fleet, requests, reference_size)
    adoption = _adoption(here, fleet, size, processes=1)
    after = _reference_rate(here, fleet, requests, reference_size)
    return [
        Figure(
            name=f"adopt {size} PinnedReleases", value=adoption.per_s, unit="/s", at_least=0.8,
            reference=(before + after) / 2, reference_name="bare writes",
            note=f"{before:.1f} before and {after:.1f} /s after; {adoption.used}",
        ),
        Figure(
            name="writes of an adoption", value=adoption.writes / size, unit="",
            reference=len(requests), reference_name="bare writes", at_least=0.95,
        ),
    ]  # fmt: skip


def _beside_one_process(here: Stage, fleet: Fleet, size: int) -> list[Figure]:
    """Two shards: on the same cores, and where the API server has its own."""
    slow = size // 8
    fleet.grow(fleet.size + 2 * size + 2 * slow)
    alone = _adoption(here, fleet, size, processes=1)
    shared = _adoption(here, fleet, size, processes=2)
    slow_alone = _held_adoption(here, fleet, slow, processes=1)
    slow_shared = _held_adoption(here, fleet, slow, processes=2)
    return [
        Figure(
            name=f"adopt {size} PinnedReleases with two shards", value=shared.per_s, unit="/s",
            reference=alone.per_s, reference_name="one process",
        ),
        Figure(
            name=f"adopt {slow} with two shards, each a {SHARE:.0%} of the time",
            value=slow_shared, unit="/s", at_least=2.0, argued=1.4,
            reference=slow_alone, reference_name="one process, as slow",
            note="at best 1.82: the larger shard has 11 of the 20 namespaces",
        ),
    ]  # fmt: skip


def _recorded_adoption(here: Stage) -> list[Seen]:
    """What is written for one."""
    with tempfile.TemporaryDirectory() as folder, FaultProxy(here.plane, Path(folder)) as proxy:
        with OperatorProcess(proxy.kubeconfig(here.token()), Path(folder)) as operator:
            wait_idle(operator.child.pid)
        return [
            one
            for one in proxy.seen()
            if one.is_stored and one.body and one.call.resource != "selfsubjectaccessreviews"
        ]


def _request(recorded: Seen, number: int) -> Request:
    """The same for another object, without the preconditions that only the first one meets."""
    text = recorded.body.decode().replace(f'"{fleet_name(0)}', f'"{fleet_name(number)}')
    body = json.loads(text.replace(fleet_namespace(0), fleet_namespace(number)))
    for precondition in ("uid", "resourceVersion"):
        body["metadata"].pop(precondition, None)
    call = recorded.call
    path = call.path.replace(fleet_name(0), fleet_name(number))
    path = path.replace(fleet_namespace(0), fleet_namespace(number))
    if call.verb == "create":
        return ["POST", path, JSON, body]
    if call.resource == "pinnedreleases/status":
        return ["PATCH", f"{path}?{MANAGER}", MERGE, body]
    return ["PATCH", f"{path}?{MANAGER}&force=true", APPLY, body]


def _reference_rate(here: Stage, fleet: Fleet, recorded: list[Seen], size: int) -> float:
    """Objects per second of a bare client that sends the same; leaves no PinnedReleases."""
    first = fleet.pinned
    fleet.pin(first + size)
    objects = [[_request(one, number) for one in recorded] for number in range(first, fleet.pinned)]
    bodies = here.plane.folder / f"bodies-{first}.json"
    bodies.write_text(json.dumps(objects))
    writes = here.bare("bare_writes", str(WORKERS), str(bodies))
    if writes.wait(REFERENCE_S) != 0:
        raise RuntimeError(f"the bare writes failed:\n{writes.tail()}")
    fleet.unpin(first)
    return float(writes.tail())


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """How fast it was, how many writes it took, and whose processor time."""

    per_s: float
    writes: int
    used: str


def _adoption(here: Stage, fleet: Fleet, size: int, *, processes: int) -> Adoption:
    """Adopt what is there before the operators are."""
    fleet.pin(fleet.pinned + size)
    audit = here.audit()
    busy_before_s = _busy_s(here)
    with _operators(here, processes) as pids:
        for pid in pids:
            wait_idle(pid)
        busy_after_s = _busy_s(here) | {"operator": sum(busy_s(pid) for pid in pids)}
    fleet.wait_pinned()
    writes = _writes(audit)
    used = (
        f"{(after_s - busy_before_s.get(name, 0.0)) / size * 1000:.0f} ms {name}"
        for name, after_s in busy_after_s.items()
    )
    return Adoption(per_s=size / _span_s(writes), writes=len(writes), used=", ".join(used))


def _busy_s(here: Stage) -> dict[str, float]:
    return {name: busy_s(here.plane.pid(name)) for name in COMPONENTS}


def _held_adoption(here: Stage, fleet: Fleet, size: int, *, processes: int) -> float:
    """Objects per second of operators that run a part of the time; they are there before."""
    with _operators(here, processes) as pids:
        for pid in pids:
            wait_idle(pid)
        audit = here.audit()
        with held_to(SHARE, pids):
            fleet.pin(fleet.pinned + size)
            for pid in pids:
                wait_idle(pid)
    fleet.wait_pinned()
    return size / _span_s(_writes(audit))


@contextmanager
def _operators(here: Stage, processes: int) -> Iterator[list[int]]:
    """So many operators, each with a part of the namespaces."""
    with ExitStack() as running:
        parts = [f"--shard={one}/{processes}" for one in range(processes)]
        started = [running.enter_context(here.operator(part)) for part in parts]
        yield [operator.child.pid for operator in started]


def _writes(audit: AuditLog) -> list[AuditedRequest]:
    return [one for one in audit.writes() if one.resource != "selfsubjectaccessreviews"]


def _span_s(writes: list[AuditedRequest]) -> float:
    """From the first to the last, by the API server's clock."""
    times = [one.finished_at for one in writes]
    return (max(times) - min(times)).total_seconds()
