"""What the policies add to one UPDATE of a workload, and whether they let a wrong image through.

The same Deployment is changed again and again, with 1, 100 and 1,000 PinnedReleases in its
namespace, without policies and with each form: in nothing that is pinned, and then in its image.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

from admission_cluster import OTHER, installed
from api_client import MERGE, STRATEGIC, ApiClient
from benchmarks.figures import Figure
from benchmarks.stage import stage
from controlplane.plane import ControlPlane
from namespace import Namespace
from objects import DIGEST_A, REPOSITORY, deployment, pinned_release

FORMS = ("deny", "pin", "hold")
PINNED = f"{REPOSITORY}@{DIGEST_A}"
SETTLE_S = 3.0


def run(sizes: tuple[int, ...], repetitions: int) -> list[Figure]:
    """The section: medians in milliseconds, each form beside no policy at all."""
    figures: list[Figure] = []
    with stage() as here, here.client() as client:
        for size in sizes:
            path = _prepared(here.plane, client, size)
            none_ms = _usual_ms(client, path, repetitions)
            for form in FORMS:
                with _in_force(here.plane, form):
                    usual_ms = _usual_ms(client, path, repetitions)
                    attempt_ms, stored = _attempts(client, path, repetitions)
                figures += [
                    Figure(
                        name=f"an UPDATE with {form}, {size} PinnedReleases", value=usual_ms,
                        unit="ms", reference=none_ms, reference_name="no policy",
                        note=f"adds {usual_ms - none_ms:.1f} ms",
                    ),
                    Figure(
                        name=f"wrong images stored with {form}, {size} PinnedReleases",
                        value=stored, unit="", at_most=0.0,
                        note=f"of {repetitions} attempts, {attempt_ms:.1f} ms each",
                    ),
                ]  # fmt: skip
    return figures


def _prepared(plane: ControlPlane, client: ApiClient, size: int) -> str:
    name = f"size-{size}"
    plane.kubectl("create", "namespace", name)
    workload = deployment(images={"web": PINNED}, replicas=0)
    workload["metadata"] = {
        "name": "web",
        "annotations": {"pin.pinnedrelease.dev/web": PINNED},
    }
    Namespace(plane, name).apply(workload)
    path = f"/apis/pinnedrelease.dev/v1alpha1/namespaces/{name}/pinnedreleases"
    for number in range(size):
        target = "web" if number == 0 else f"other-{number}"
        made = pinned_release(target, target=target, containers=["web"])
        client.post(path, made).raise_for_status()
    return f"/apis/apps/v1/namespaces/{name}/deployments/web"


@contextmanager
def _in_force(plane: ControlPlane, form: str) -> Iterator[None]:
    with installed(plane, form):
        yield
    # The API server notices a second later, and the next form must not be taken for this one.
    time.sleep(SETTLE_S)


def _usual_ms(client: ApiClient, path: str, repetitions: int) -> float:
    """The median of changes that touch no image."""
    seconds: list[float] = []
    for number in range(repetitions):
        body = {"metadata": {"annotations": {"bench": f"{time.time_ns()}-{number}"}}}
        start_s = time.perf_counter()
        client.patch(path, body, MERGE).raise_for_status()
        seconds.append(time.perf_counter() - start_s)
    return statistics.median(seconds) * 1000


def _attempts(client: ApiClient, path: str, repetitions: int) -> tuple[float, int]:
    """The median of attempts to set another image, and how many of these were stored."""
    seconds: list[float] = []
    stored = 0
    for number in range(repetitions):
        pod = {"containers": [{"name": "web", "image": f"{OTHER}-{number}"}]}
        start_s = time.perf_counter()
        client.patch(path, {"spec": {"template": {"spec": pod}}}, STRATEGIC)
        seconds.append(time.perf_counter() - start_s)
        containers = client.get(path)["spec"]["template"]["spec"]["containers"]
        stored += containers[0]["image"] != PINNED
    return statistics.median(seconds) * 1000, stored
