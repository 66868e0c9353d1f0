"""How long a new spec takes to reach its workload, and what becomes of a thousand of them at once.

The operator records what it is about to do before it does it (ADR 4): a status, then the workload.
So does one bare loop; another writes the workload alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from api_client import MERGE, ApiClient
from benchmarks.bare_loop import RECORD
from benchmarks.drift import BARE, PINNED, prepare, wait_ready
from benchmarks.figures import Figure
from benchmarks.samples import beside, p50_ms
from benchmarks.stage import Stage, stage
from controlplane.registry import Registry
from objects import UNASKED, deployment, pinned_release

REST_S = 0.05
HISTORY = 10
BURST_OBJECTS = 100
BURST_S = 10.0
BURST_WRITERS = 4
BURST_WAIT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A new digest for the PinnedRelease of this name."""

    name: str
    tag: str
    digest: str


def run(repetitions: int, burst: int) -> list[Figure]:
    """The section."""
    figures: list[Figure] = []
    with stage(durable=True) as here:
        names = [f"web-{number}" for number in range(max(repetitions // 5, 1))]
        for place in ("bare", "recording"):
            here.namespace(place).apply(*_pairs(names))
        with here.operator("--namespace=recording"):
            # So that its statuses are as large as the operator's: with a full history.
            wait_ready(here, "recording", len(names))
            for change in _changes(names, HISTORY * len(names)):
                _declare(here, "recording", change)
        with here.operator("--namespace=pinned,asked,burst"):
            prepare(here, "pinned", names)
            with here.bare_loop("bare"), here.bare_loop("recording", RECORD):
                times: dict[str, list[float]] = {"pinned": [], "bare": [], "recording": []}
                for change in _changes(names, repetitions):
                    for place, taken_s in times.items():
                        taken_s.append(_declare(here, place, change))
            figures += beside(
                "spec reaches the workload",
                times["pinned"],
                times["recording"],
                "bare loop that records first",
                p50_at_most=1.25,
                p99_at_most=2.0,
            )
            figures += beside("spec reaches the workload", times["pinned"], times["bare"], BARE)
            figures.append(_with_registry(here, repetitions // 5, p50_ms(times["pinned"])))
            figures += _burst(here, burst)
    return figures


def _pairs(names: list[str]) -> Iterator[dict[str, object]]:
    for name in names:
        yield deployment(name, images={"web": PINNED}, replicas=0)
        yield pinned_release(name, target=name, registry=UNASKED)


def _changes(names: list[str], count: int) -> Iterator[Change]:
    for number in range(1, count + 1):
        digest = f"sha256:{number:064x}"
        yield Change(name=names[number % len(names)], tag=f"1.{number}", digest=digest)


def _path(namespace: str, name: str) -> str:
    return f"/apis/pinnedrelease.dev/v1alpha1/namespaces/{namespace}/pinnedreleases/{name}"


def _send(client: ApiClient, namespace: str, change: Change) -> None:
    body = {"spec": {"tag": change.tag, "digest": change.digest}}
    client.patch(_path(namespace, change.name), body, MERGE).raise_for_status()


def _declare(here: Stage, namespace: str, change: Change) -> float:
    audit = here.audit()
    with here.client() as client:
        _send(client, namespace, change)
    taken_s = audit.answer_s(namespace, change.name, to="pinnedreleases")
    time.sleep(REST_S)
    return taken_s


def _with_registry(here: Stage, repetitions: int, unasked_ms: float) -> Figure:
    """The same, when the registry has to know the digest first."""
    registry = here.plane.start_registry()
    repository = f"{registry.address}/bench/web"
    first, *changes = _pushed(registry, max(repetitions, 1) + 1)
    namespace = here.namespace("asked")
    pins = {"repository": repository, "tag": first.tag, "digest": first.digest}
    namespace.apply(
        deployment(images={"web": f"{repository}@{first.digest}"}, replicas=0),
        pinned_release(interval="1h", **pins),
    )
    wait_ready(here, "asked", 1)
    asked = [_declare(here, "asked", change) for change in changes]
    return Figure(
        name="spec reaches the workload, registry asked, p50",
        value=p50_ms(asked), unit="ms", reference=unasked_ms, reference_name="registry not asked",
    )  # fmt: skip


def _pushed(registry: Registry, count: int) -> list[Change]:
    found: list[Change] = []
    for number in range(count):
        tag = f"1.{number}"
        image = registry.push_image("bench/web", tag, f"content {number}".encode())
        found.append(Change(name="web", tag=tag, digest=image.digest))
    return found


def _burst(here: Stage, count: int) -> list[Figure]:
    """Many changes in ten seconds: the last one of each object counts."""
    names = [f"web-{number}" for number in range(min(BURST_OBJECTS, count))]
    prepare(here, "burst", names)
    changes = list(_changes(names, count))
    final = {change.name: change.digest for change in changes}
    audit = here.audit(namespace="burst")
    begun_s = time.monotonic()
    with here.client() as client, ThreadPoolExecutor(BURST_WRITERS) as threads:

        def send(numbered: tuple[int, Change]) -> None:
            number, change = numbered
            wait_s = begun_s + number * BURST_S / count - time.monotonic()
            time.sleep(max(wait_s, 0.0))
            _send(client, "burst", change)

        for _ in threads.map(send, enumerate(changes)):
            pass
        sent_s = time.monotonic()
        while wrong := _wrong(client, final):
            if time.monotonic() - sent_s > BURST_WAIT_S:
                break
            time.sleep(0.05)
    settled_s, took_s = time.monotonic() - sent_s, sent_s - begun_s
    writes = len(audit.writes("deployments"))
    return [
        Figure(name=f"burst of {count}: final states not applied", value=wrong, unit="",
               at_most=0.0, note=f"settled {settled_s:.2f} s after the last, {took_s:.1f} s"),
        Figure(name=f"burst of {count}: workload writes", value=writes, unit="",
               reference=count, reference_name="changes", at_most=1.0),
    ]  # fmt: skip


def _wrong(client: ApiClient, final: dict[str, str]) -> int:
    """How many Deployments do not have the last declared digest."""
    items = client.get("/apis/apps/v1/namespaces/burst/deployments")["items"]
    images = {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]["containers"][0]["image"]
        for one in items
    }
    return sum(not images[name].endswith(digest) for name, digest in final.items())
