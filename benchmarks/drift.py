"""How long a wrong image stands: the operator, bare loops and a naive operator, disturbed in turn.

They run at the same time on the same API server, each in a namespace of its own, and are disturbed
one after the other, each time in another order. A disturbance is one PATCH of an image; the time
counts from its end until the end of the PATCH that puts it right, by the API server's audit log:
one clock, and none of theirs. Disturbances are spread over objects, so that the operator does not
take them for a fight. In the end every image has to be right.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from http import HTTPStatus

import operator_process
from api_client import MERGE, STRATEGIC
from audit import AuditedRequest, AuditLog
from benchmarks.bare_loop import APPLY
from benchmarks.figures import Figure
from benchmarks.process import meanwhile
from benchmarks.samples import Ceiling, beside, p99_ms, shuffled
from benchmarks.stage import BENCH_USER, NAIVE_USER, Stage, stage
from namespace import Namespace, eventually
from objects import DIGEST_A, REPOSITORY, UNASKED, Manifest, deployment, pinned_release

PINNED = f"{REPOSITORY}@{DIGEST_A}"
WRONG = f"{REPOSITORY}:wrong"
PER_OBJECT = 2
REST_S = 0.1
ANSWER_S = 20.0
HOT_PER_S = 100.0
HOT_WRITERS = 4
HOT_PLACE = "hot-object"
ALONE_S = 10.0
P50_ARGUED, P99_ARGUED = 1.4, 2.5
"""To so many times the bare loop the page argues: an apply costs more, and one that is out of date
is refused and sent again."""
HOT_ARGUED = 0.5
"""So much of what the API server allows while it has nothing else to do."""
OPERATOR, BARE, APPLYING, NAIVE = (
    "operator", "bare loop", "bare loop that applies", "naive kopf",
)  # fmt: skip
Times = dict[str, list[float]]


def run(repetitions: int) -> list[Figure]:
    """The section: calm, then beside one object that changes a hundred times a second."""
    with stage(durable=True) as here:
        prepare_bare(here, HOT_PLACE, ["web-0"])
        unwatched_per_s = _hot_rate_alone(here)
        with here.operator():
            calm = measure(here, "calm", repetitions)
            Namespace(here.plane, HOT_PLACE).apply(_release("web-0"))
            wait_ready(here, HOT_PLACE, 1)
            with _hot(here) as changes:
                hot = measure(here, "hot", repetitions, with_naive=False)
                hot_per_s = _rate(changes.writes())
    what, ours = "drift corrected", calm[OPERATOR]
    figures = beside(what, ours, calm[APPLYING], APPLYING, Ceiling(1.25), Ceiling(2.0))
    figures += beside(
        what, ours, calm[BARE], BARE, Ceiling(1.25, P50_ARGUED), Ceiling(2.0, P99_ARGUED)
    )
    figures += beside(what, ours, calm[NAIVE], NAIVE, Ceiling(1.0))[:1]
    figures += [
        Figure(
            name="drift corrected beside a hot object, p99",
            value=p99_ms(hot[OPERATOR]), unit="ms",
            reference=p99_ms(hot[BARE]), reference_name="bare loop, as hot", at_most=2.0,
            note=f"calm: {p99_ms(calm[OPERATOR]):.1f} ms",
        ),
        Figure(
            name="changes of the hot object", value=hot_per_s, unit="/s",
            reference=unwatched_per_s, reference_name="nobody watches", at_least=0.9,
            argued=HOT_ARGUED, note=f"meant: {HOT_PER_S:.0f} /s",
        ),
    ]  # fmt: skip
    return figures


def prepare(here: Stage, name: str, objects: list[str]) -> None:
    """A namespace with pinned Deployments, at rest."""
    prepare_unwatched(here, name, objects)
    wait_ready(here, name, len(objects))


def prepare_unwatched(here: Stage, name: str, objects: list[str]) -> None:
    """The same objects, whether or not an operator runs."""
    prepare_bare(here, name, objects).apply(*(_release(one) for one in objects))


def prepare_bare(here: Stage, name: str, objects: list[str]) -> Namespace:
    """A namespace with Deployments that nobody pins."""
    namespace = here.namespace(name)
    namespace.apply(*(deployment(one, images={"web": PINNED}, replicas=0) for one in objects))
    return namespace


def _release(name: str) -> Manifest:
    return pinned_release(name, target=name, registry=UNASKED)


def wait_ready(here: Stage, name: str, objects: int) -> None:
    """Wait until all PinnedReleases of a namespace are Ready."""
    path = f"/apis/pinnedrelease.dev/v1alpha1/namespaces/{name}/pinnedreleases"
    with here.client() as client:

        def ready() -> int:
            return sum(
                (one["type"], one["status"]) == ("Ready", "True")
                for found in client.get(path)["items"]
                for one in found.get("status", {}).get("conditions", [])
            )

        eventually(lambda: ready() == objects, lambda: f"{ready()} of {objects}", 120)


def measure(here: Stage, prefix: str, repetitions: int, *, with_naive: bool = True) -> Times:
    """Disturb each corrector so often; the operator runs already."""
    names = [f"web-{number}" for number in range(max(repetitions // PER_OBJECT, 1))]
    prepare(here, f"{prefix}-{OPERATOR}", names)
    others = {BARE: f"{prefix}-bare", APPLYING: f"{prefix}-applying"}
    others |= {NAIVE: f"{prefix}-naive"} if with_naive else {}
    for place in others.values():
        prepare_bare(here, place, names)
    users = dict.fromkeys((OPERATOR, BARE, APPLYING), operator_process.USER) | {NAIVE: NAIVE_USER}
    with ExitStack() as running:
        running.enter_context(here.bare_loop(others[BARE], PINNED))
        running.enter_context(here.bare_loop(others[APPLYING], PINNED, APPLY))
        if with_naive:
            running.enter_context(here.naive_kopf(others[NAIVE], PINNED))
        time.sleep(3)
        places = {OPERATOR: f"{prefix}-{OPERATOR}", **others}
        times: Times = {label: [] for label in places}
        for repetition in range(repetitions):
            for label in shuffled(places, repetition):
                name = names[repetition % len(names)]
                times[label].append(_disturb(here, places[label], name, users[label], label))
                time.sleep(REST_S)
        for place in places.values():
            _wait_right(here, place)
    return times


def _wait_right(here: Stage, place: str) -> None:
    """Whatever answered must have put the image right. Raises AssertionError."""

    def wrong() -> list[str]:
        return [name for name, image in here.images(place).items() if image != PINNED]

    eventually(lambda: not wrong(), lambda: f"wrong in {place}: {wrong()}", ANSWER_S)


def _disturb(here: Stage, namespace: str, name: str, user: str, label: str) -> float:
    """Set a wrong image; return how long it stood. The naive operator loses one now and then."""
    audit = here.audit(user)
    pod = {"containers": [{"name": "web", "image": WRONG}]}
    with here.client() as client:
        client.patch(
            f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}",
            {"spec": {"template": {"spec": pod}}},
            STRATEGIC,
            {"fieldManager": "kubectl-set"},
        ).raise_for_status()
    try:
        return audit.answer_s(namespace, name, timeout_s=ANSWER_S)
    except TimeoutError:
        if label != NAIVE:
            raise
        return ANSWER_S


@contextmanager
def _hot(here: Stage) -> Iterator[AuditLog]:
    """One Deployment changes again and again, in nothing that is pinned. Yields who changes it.

    In a label: an annotation would be written a second time, by a controller into the ReplicaSet.
    """
    path = f"/apis/apps/v1/namespaces/{HOT_PLACE}/deployments/web-0"
    begun_s = time.monotonic()

    def change(first: int, over: threading.Event) -> None:
        with here.client() as client:
            for number in itertools.count(first, HOT_WRITERS):
                if over.wait(max(begun_s + number / HOT_PER_S - time.monotonic(), 0.0)):
                    return
                body = {"metadata": {"labels": {"hot": str(number)}}}
                answer = client.patch(path, body, MERGE)
                # The API server gives up a change that lost to others several times in a row.
                if answer.status_code != HTTPStatus.CONFLICT:
                    answer.raise_for_status()

    with ExitStack() as writers:
        for first in range(HOT_WRITERS):
            writers.enter_context(meanwhile(partial(change, first)))
        yield here.audit(BENCH_USER, HOT_PLACE)


def _hot_rate_alone(here: Stage) -> float:
    """How often the API server lets one object change while nothing else happens."""
    with _hot(here) as changes:
        time.sleep(ALONE_S)
    return _rate(changes.writes())


def _rate(writes: Sequence[AuditedRequest]) -> float:
    """How many a second there were."""
    times = [one.finished_at for one in writes]
    return len(times) / (max(times) - min(times)).total_seconds()
