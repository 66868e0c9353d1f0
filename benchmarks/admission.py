"""``make bench-admission``: what the policies add to one UPDATE of a workload.

The same Deployment is changed again and again, with 1, 100 and 1,000 PinnedReleases in its
namespace, without policies and with each form. The order of the forms is the same in each round,
so that a slow moment of the machine hits all of them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import operator_process
from api_client import MERGE, ApiClient
from controlplane.binaries import ensure
from controlplane.plane import ControlPlane
from namespace import Namespace
from objects import DIGEST_A, REPOSITORY, deployment, pinned_release

ADMISSION = Path(__file__).parent.parent / "manifests" / "admission"
SIZES = (1, 100, 1000)
FORMS = ("none", "deny", "pin", "hold")
PINNED = f"{REPOSITORY}@{DIGEST_A}"
SETTLE_S = 3.0


def main() -> int:
    """Print medians in milliseconds, and what each form adds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=40)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    forms = [one for one in FORMS if one == "none" or (ADMISSION / one).is_dir()]
    found: dict[str, dict[str, float]] = {}
    with ControlPlane(ensure()) as plane:
        operator_process.install(plane)
        plane.kubectl("create", "serviceaccount", "bench", "-n", "default")
        plane.kubectl(
            "create", "clusterrolebinding", "bench", "--clusterrole=cluster-admin",
            "--serviceaccount=default:bench",
        )  # fmt: skip
        kubeconfig = plane.service_account_kubeconfig("default", "bench")
        with ApiClient(kubeconfig, plane.authority) as client:
            for size in SIZES:
                path = _prepared(plane, client, size)
                found[str(size)] = {
                    form: _median_ms(plane, client, path, form, given.repetitions) for form in forms
                }
                print(_row(size, found[str(size)]), flush=True)
    if given.json is not None:
        given.json.write_text(json.dumps({"median_ms": found}, indent=1))
    return 0


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
    if form == "none":
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


def _row(size: int, medians: dict[str, float]) -> str:
    plain = medians["none"]
    added = "  ".join(
        f"{form} {value:.1f} ms (+{value - plain:.1f})"
        for form, value in medians.items()
        if form != "none"
    )
    return f"{size:>5} PinnedReleases: without {plain:.1f} ms  {added}"


if __name__ == "__main__":
    sys.exit(main())
