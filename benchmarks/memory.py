"""``make bench-memory``: what the operator weighs with many PinnedReleases, and what pods add.

Everything is real except the pods' nodes. For each size: resident memory at rest with the watch of
pods, the processor time of a quiet minute, and resident memory without the right to read pods. The
other way to know pods, a list for each workload on demand, is timed beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import operator_process
from benchmarks.fleet import Fleet
from controlplane.binaries import ensure
from controlplane.plane import ControlPlane
from operator_process import OperatorProcess

QUIET_S = 60.0
REST_S = 10.0
IDLE = 0.02
"""Share of one core under which a process counts as idle."""
TARGET_MIB = 400
NODES = 300
"""About a hundred pods on each, as in real clusters: the scheduler slows down with more."""
ROLE = "pinnedrelease-controller"
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Print a row per size; write them as JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=lambda text: [int(one) for one in text.split(",")],
                        default=[1_000, 3_000, 10_000])  # fmt: skip
    parser.add_argument("--pods", type=int, default=3, help="pods of each Deployment")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = []
    with ControlPlane(ensure(), nodes=NODES, audit=False, requests_per_s=3000) as plane:
        operator_process.install(plane)
        fleet = Fleet(plane, given.pods)
        pinned = 0
        for size in given.sizes:
            fleet.grow(size)
            row = _measure(plane, fleet, pinned, given.pods)
            pinned = size
            print(json.dumps(row), flush=True)
            rows.append(row)
    if given.json is not None:
        given.json.write_text(json.dumps(rows, indent=1))
    return 0


def _measure(plane: ControlPlane, fleet: Fleet, pinned: int, pods: int) -> dict[str, object]:
    kubeconfig = plane.service_account_kubeconfig(
        operator_process.NAMESPACE, operator_process.ACCOUNT
    )
    row: dict[str, object] = {"releases": fleet.size, "pods": fleet.size * pods}
    with OperatorProcess(kubeconfig, plane.folder) as operator:
        began = time.monotonic()
        fleet.pin(pinned)
        fleet.wait_pinned()
        row["adopted_s"] = round(time.monotonic() - began, 1)
        _wait_idle(operator.child.pid)
        row["adopted_rss_mib"] = _resident_mib(operator.child.pid)
        operator.restart()
        row["restart_s"] = _wait_idle(operator.child.pid)
        row["rss_mib"] = _resident_mib(operator.child.pid)
        busy_s = _busy_s(operator.child.pid)
        time.sleep(QUIET_S)
        row["cpu_percent"] = round((_busy_s(operator.child.pid) - busy_s) / QUIET_S * 100, 2)
        with _pods_forbidden(plane):
            operator.restart()
            _wait_idle(operator.child.pid)
            row["rss_without_pods_mib"] = _resident_mib(operator.child.pid)
    row["list_ms"] = _list_ms(plane)
    return row


def _wait_idle(pid: int) -> float:
    """Wait until the process has nothing to do any more; the seconds until then."""
    began = time.monotonic()
    while True:
        busy_s = _busy_s(pid)
        time.sleep(REST_S)
        if _busy_s(pid) - busy_s < REST_S * IDLE:
            return round(time.monotonic() - began - REST_S, 1)


@contextmanager
def _pods_forbidden(plane: ControlPlane) -> Iterator[None]:
    """The operator may not read pods for a while: then it does not watch them."""
    role = json.loads(plane.kubectl("get", "clusterrole", ROLE, "-o", "json").stdout)
    del role["metadata"]["resourceVersion"]
    rules = [one for one in role["rules"] if "pods" not in one["resources"]]
    plane.kubectl("replace", "-f", "-", stdin=json.dumps({**role, "rules": rules}))
    try:
        yield
    finally:
        plane.kubectl("replace", "-f", "-", stdin=json.dumps(role))


def _list_ms(plane: ControlPlane) -> float:
    """The median time of a list of one workload's pods, from the API server's watch cache."""
    times: list[float] = []
    with plane.client() as client:
        for number in range(100):
            began = time.monotonic()
            client.get(
                "/api/v1/namespaces/fleet-0/pods",
                params={"labelSelector": f"app=web-{number * 20}", "resourceVersion": "0"},
            ).raise_for_status()
            times.append(time.monotonic() - began)
    return round(statistics.median(times) * 1e3, 1)


def _resident_mib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(one for one in status.splitlines() if one.startswith("VmRSS:"))
    return int(line.split()[1]) // 1024


def _busy_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    sys.exit(main())
