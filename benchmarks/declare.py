"""How long a new spec takes to reach its workload, and what becomes of a thousand of them at once.

The operator records what it is about to do before it does it (ADR 4): a status, then the workload.
So does one bare loop; another writes the workload alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from api_client import MERGE, ApiClient
from benchmarks.bare_loop import RECORD
from benchmarks.drift import BARE, prepare, prepare_unwatched, wait_ready
from benchmarks.figures import Figure
from benchmarks.samples import Ceiling, beside, p50_ms, shuffled
from benchmarks.stage import Stage, stage
from controlplane.registry import Registry
from objects import deployment, pinned_release

REST_S = 0.05
HISTORY = 10
AS_RECORDS = 4.0
"""To so many times the bare loop the page argues: a record first is a second durable write."""
BURST_OBJECTS = 100
BURST_S = 10.0
BURST_WRITERS = 16
BURST_WAIT_S = 60.0
BURST_REST_S = 5.0


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
            prepare_unwatched(here, place, names)
        with here.operator("--namespace=recording"):
            # So that its statuses are as large as the operator's.
            wait_ready(here, "recording", len(names))
            _fill_histories(here, "recording", names)
        unwatched_s = _burst_without_operator(here, burst)
        with here.operator("--namespace=pinned,asked,burst"):
            prepare(here, "pinned", names)
            _fill_histories(here, "pinned", names)
            with here.bare_loop("bare"), here.bare_loop("recording", RECORD):
                times: dict[str, list[float]] = {"pinned": [], "bare": [], "recording": []}
                for repetition, change in enumerate(_changes(names, repetitions)):
                    for place in shuffled(times, repetition):
                        times[place].append(_declare(here, place, change))
            for place in times:
                _check(here, place, _last(_changes(names, repetitions)))
            what, ours = "spec reaches the workload", times["pinned"]
            first = "bare loop that records first"
            figures += beside(what, ours, times["recording"], first, Ceiling(1.25), Ceiling(2.0))
            argued = Ceiling(1.25, argued=AS_RECORDS), Ceiling(2.0, argued=AS_RECORDS)
            figures += beside(what, ours, times["bare"], BARE, *argued)
            figures.append(_with_registry(here, repetitions // 5, p50_ms(ours)))
            figures += _burst(here, burst, unwatched_s)
    return figures


def _fill_histories(here: Stage, place: str, names: list[str]) -> None:
    for change in _changes(names, HISTORY * len(names), version=0):
        _declare(here, place, change)


def _changes(names: list[str], count: int, version: int = 1) -> Iterator[Change]:
    for number in range(1, count + 1):
        digest = f"sha256:{version:032x}{number:032x}"
        yield Change(name=names[number % len(names)], tag=f"{version}.{number}", digest=digest)


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


def _burst_without_operator(here: Stage, count: int) -> float:
    """How long the API server takes for the changes alone."""
    names = _burst_names(count)
    prepare_unwatched(here, "unwatched", names)
    return _send_in_time(here, "unwatched", list(_changes(names, count)))


def _burst(here: Stage, count: int, unwatched_s: float) -> list[Figure]:
    """Many changes in ten seconds: the last one of each object counts."""
    names = _burst_names(count)
    prepare(here, "burst", names)
    changes = list(_changes(names, count))
    final = _last(changes)
    audit = here.audit(namespace="burst")
    took_s = _send_in_time(here, "burst", changes)
    sent_s = time.monotonic()
    while wrong := _wrong(here, "burst", final):
        if time.monotonic() - sent_s > BURST_WAIT_S:
            break
        time.sleep(0.05)
    settled_s = time.monotonic() - sent_s
    time.sleep(BURST_REST_S)
    writes = len(audit.writes("deployments"))
    return [
        Figure(name=f"burst of {count}: sent in", value=took_s, unit="s",
               reference=unwatched_s, reference_name="nobody watches"),
        Figure(name=f"burst of {count}: final states not applied", value=wrong, unit="",
               at_most=0.0, note=f"settled {settled_s:.2f} s after the last"),
        Figure(name=f"burst of {count}: workload writes", value=writes, unit="",
               reference=count, reference_name="changes", at_most=1.0),
    ]  # fmt: skip


def _burst_names(count: int) -> list[str]:
    return [f"web-{number}" for number in range(min(BURST_OBJECTS, count))]


def _send_in_time(here: Stage, namespace: str, changes: Sequence[Change]) -> float:
    """Send changes so that they take ten seconds, if the API server can; how long it took."""
    begun_s = time.monotonic()
    with here.client() as client, ThreadPoolExecutor(BURST_WRITERS) as threads:

        def send(numbered: tuple[int, Change]) -> None:
            number, change = numbered
            wait_s = begun_s + number * BURST_S / len(changes) - time.monotonic()
            time.sleep(max(wait_s, 0.0))
            _send(client, namespace, change)

        for _ in threads.map(send, enumerate(changes)):
            pass
    return time.monotonic() - begun_s


def _last(changes: Iterable[Change]) -> dict[str, str]:
    """The digest that each name has in the end."""
    return {change.name: change.digest for change in changes}


def _check(here: Stage, namespace: str, final: Mapping[str, str]) -> None:
    """Whatever answered must have written the digest. Raises RuntimeError."""
    if wrong := _wrong(here, namespace, final):
        raise RuntimeError(f"{wrong} Deployments of {namespace} do not have their last digest")


def _wrong(here: Stage, namespace: str, final: Mapping[str, str]) -> int:
    """How many Deployments do not have the last declared digest."""
    images = here.images(namespace)
    return sum(not images[name].endswith(digest) for name, digest in final.items())
