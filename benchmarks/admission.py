"""What the policies add to one UPDATE of a workload.

The same Deployment is changed again and again, with 1, 100 and 1,000 PinnedReleases in its
namespace, without policies and with each form. The order of the forms is the same in each round,
so that a slow moment of the machine hits all of them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api_client import MERGE, ApiClient
from benchmarks.figures import Figure
from benchmarks.stage import stage
from controlplane.plane import ControlPlane
from namespace import Namespace
from objects import DIGEST_A, REPOSITORY, deployment, pinned_release

ADMISSION = Path(__file__).parent.parent / "manifests" / "admission"
NONE = "none"
FORMS = (NONE, "deny", "pin", "hold")
PINNED = f"{REPOSITORY}@{DIGEST_A}"
SETTLE_S = 3.0


def run(sizes: tuple[int, ...], repetitions: int) -> list[Figure]:
    """The section: medians in milliseconds, each form beside no policy at all."""
    figures: list[Figure] = []
    with stage() as here, here.client() as client:
        for size in sizes:
            path = _prepared(here.plane, client, size)
            medians = {
                form: _median_ms(here.plane, client, path, form, repetitions) for form in FORMS
            }
            figures += [
                Figure(
                    name=f"an UPDATE with {form}, {size} PinnedReleases", value=medians[form],
                    unit="ms", reference=medians[NONE], reference_name="no policy",
                    note=f"adds {medians[form] - medians[NONE]:.1f} ms",
                )
                for form in FORMS
                if form != NONE
            ]  # fmt: skip
    return figures


def _prepared(plane: ControlPlane, client: ApiClient, size: int) -> str:
    name = f"size-{size}"
    plane.kubectl("create", "namespace", name)
    made = deployment(images={"web": PINNED}, replicas=0)
    made["metadata"] = {
        "name": "web",
        "annotations": {"pin.pinnedrelease.dev/web": PINNED},
    }
    Namespace(plane, name).apply(made)
    path = f"/apis/pinnedrelease.dev/v1alpha1/namespaces/{name}/pinnedreleases"
    for number in range(size):
        target = "web" if number == 0 else f"other-{number}"
        client.post(path, pinned_release(target, target=target)).raise_for_status()
    return f"/apis/apps/v1/namespaces/{name}/deployments/web"


@contextmanager
def _installed(plane: ControlPlane, form: str) -> Iterator[None]:
    if form == NONE:
        yield
        return
    plane.kubectl("apply", "--server-side", "-k", str(ADMISSION / form))
    try:
        time.sleep(SETTLE_S)
        yield
    finally:
        plane.kubectl("delete", "-k", str(ADMISSION / form))
        time.sleep(SETTLE_S)


def _median_ms(
    plane: ControlPlane, client: ApiClient, path: str, form: str, repetitions: int
) -> float:
    seconds: list[float] = []
    with _installed(plane, form):
        for number in range(repetitions):
            body = {"metadata": {"annotations": {"bench": f"{form}-{number}"}}}
            start_s = time.perf_counter()
            client.patch(path, body, MERGE).raise_for_status()
            seconds.append(time.perf_counter() - start_s)
    return statistics.median(seconds) * 1000
