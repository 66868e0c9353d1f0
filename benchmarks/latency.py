"""``make bench-latency``: how long a wrong image stays visible, beside a bare watch-and-patch loop.

Both correctors run at the same time on the same API server, each in a namespace of its own, and
are disturbed in turn. A disturbance is one PATCH of the image; the time counts from its end until
the end of the PATCH that puts it right, in the API server's audit log: by one clock, and by that of
neither corrector. The disturbances are spread
over objects and time, so that the operator does not take them for a fight.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import operator_process
from audit import AuditLog
from controlplane.binaries import ensure
from controlplane.plane import ControlPlane
from controlplane.processes import Child
from namespace import Namespace
from objects import DIGEST_A, REPOSITORY, deployment, pinned_release
from operator_process import OperatorProcess

ROOT = Path(__file__).parent.parent
PINNED = f"{REPOSITORY}@{DIGEST_A}"
WRONG = f"{REPOSITORY}:wrong"
TARGET_RATIO = 1.5
REST_S = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrector:
    """One of the two that are compared."""

    label: str
    namespace: str


def main() -> int:
    """Print both distributions and the ratio of the medians; write them as JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=50)
    parser.add_argument("--objects", type=int, default=25)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with ControlPlane(ensure(), durable=True) as plane:
        times = _measure(plane, given.repetitions, given.objects)
    ratio = statistics.median(times["operator"]) / statistics.median(times["bare loop"])
    for label, seconds in times.items():
        print(_row(label, seconds))
    verdict = "met" if ratio <= TARGET_RATIO else "MISSED"
    print(f"ratio of the medians {ratio:.2f} (target {TARGET_RATIO}: {verdict})")
    if given.json is not None:
        given.json.write_text(json.dumps({"times_s": times, "ratio": ratio}, indent=1))
    return 0


def _measure(plane: ControlPlane, repetitions: int, objects: int) -> dict[str, list[float]]:
    operator_process.install(plane)
    for name in ("pinned", "bare"):
        plane.kubectl("create", "namespace", name)
    names = [f"web-{number}" for number in range(objects)]
    Namespace(plane, "pinned").apply(
        *(deployment(name, images={"web": WRONG}, replicas=0) for name in names),
        *(pinned_release(name, target=name) for name in names),
    )
    Namespace(plane, "bare").apply(
        *(deployment(name, images={"web": PINNED}, replicas=0) for name in names)
    )
    kubeconfig = plane.service_account_kubeconfig(
        operator_process.NAMESPACE, operator_process.ACCOUNT
    )
    with OperatorProcess(kubeconfig, plane.folder):
        loop = _start_bare_loop(plane)
        for name in names:
            Namespace(plane, "pinned").wait_ready(name)
        time.sleep(2)
        correctors = (
            Corrector(label="operator", namespace="pinned"),
            Corrector(label="bare loop", namespace="bare"),
        )
        times: dict[str, list[float]] = {one.label: [] for one in correctors}
        for repetition in range(repetitions):
            for corrector in correctors:
                name = names[repetition % objects]
                times[corrector.label].append(_disturb(plane, corrector, name))
                time.sleep(REST_S)
        loop.stop()
    return times


def _start_bare_loop(plane: ControlPlane) -> Child:
    token = plane.kubectl(
        "create", "token", operator_process.ACCOUNT, "-n", operator_process.NAMESPACE
    ).stdout.strip()
    arguments = [plane.server, str(plane.authority), token, "bare", PINNED]
    loop = Child(
        "bare loop",
        [sys.executable, "-m", "benchmarks.bare_loop", *arguments],
        plane.folder / "bare-loop.log",
        environment={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    loop.wait_until(lambda: "watching" in loop.tail(), 20)
    return loop


def _disturb(plane: ControlPlane, corrector: Corrector, name: str) -> float:
    """Set a wrong image; return how long it stood."""
    assert plane.audit_log is not None
    audit = AuditLog(plane.audit_log, operator_process.USER)
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": WRONG}]}}}}
    with plane.client() as client:
        client.patch(
            f"/apis/apps/v1/namespaces/{corrector.namespace}/deployments/{name}",
            params={"fieldManager": "kubectl-set"},
            content=json.dumps(patch),
            headers={"Content-Type": "application/strategic-merge-patch+json"},
        ).raise_for_status()
    return audit.correction_s(corrector.namespace, name)


def _row(label: str, seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    p95 = ordered[int(len(ordered) * 0.95)]
    return (
        f"{label:10} n={len(ordered)} min {ordered[0] * 1e3:6.1f} ms  median "
        f"{statistics.median(ordered) * 1e3:6.1f} ms  p95 {p95 * 1e3:6.1f} ms  max "
        f"{ordered[-1] * 1e3:6.1f} ms"
    )


if __name__ == "__main__":
    sys.exit(main())
