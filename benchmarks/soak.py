"""``make soak MINUTES=2``: random faults for a while; what must stay flat, stays flat.

An operator behind the fault proxy looks after some workloads while specs change, images are set by
others, watches break and calls fail. Watched: resident memory, file descriptors, threads, restarts
and writes for each change.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import operator_process
from controlplane.binaries import ensure
from controlplane.plane import ControlPlane
from faults.calls import When
from faults.fault_proxy import FaultProxy
from faults.fault_world import WORKLOADS, images_in
from faults.faults import Fault, cut_after, delay, drop, lose_answer, respond, stream_error
from namespace import Namespace
from objects import REPOSITORY, UNASKED, deployment, pinned_release
from operator_process import OperatorProcess

OBJECTS = 20
STEP_S = 0.25
MEMORY_GROWTH_MB = 25.0
DESCRIPTOR_GROWTH = 30
WRITES_OF_A_CHANGE = 8
"""Statuses while a rollout moves are told every two seconds; a fault costs a repetition."""
REST_S = 150.0
FAULTS: dict[str, tuple[When, Callable[[], Fault]]] = {
    "watches break": (When(verb="watch"), lambda: cut_after(1)),
    "an error in a stream": (When(verb="watch"), lambda: stream_error(500)),
    "reads fail": (When(verb="get"), lambda: respond(500)),
    "writes conflict": (When(writes=True), lambda: respond(409)),
    "writes vanish": (When(writes=True), drop),
    "answers vanish": (When(writes=True), lose_answer),
    "the server is busy": (When(), lambda: respond(429, **{"Retry-After": "1"})),
    "everything is slow": (When(verb="get"), lambda: delay(0.7)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a process used at a moment."""

    memory_mb: float
    descriptors: int
    threads: int


def sample(pid: int) -> Sample:
    """Read /proc."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return Sample(
        memory_mb=int(status["VmRSS"].split()[0]) / 1024,
        descriptors=len(list(Path(f"/proc/{pid}/fd").iterdir())),
        threads=int(status["Threads"]),
    )


class Soak:
    """One run."""

    def __init__(self, plane: ControlPlane, proxy: FaultProxy, operator: OperatorProcess) -> None:
        self.namespace = Namespace(plane, "soak")
        self.proxy, self.operator = proxy, operator
        self.chance = random.Random(8)  # noqa: S311 - the same run every time
        self.declared: dict[str, str] = {}
        self.ever: set[str] = set()
        self.changes = self.restarts = 0
        self.samples: list[Sample] = []

    def begin(self) -> None:
        """Everything at rest, with the first sample."""
        names = [f"web-{number}" for number in range(OBJECTS)]
        image = f"{REPOSITORY}:1"
        self.namespace.apply(*(deployment(name, images={"web": image}) for name in names))
        for name in names:
            self._declare(name)
        self.come_to_rest()

    def run(self, seconds: float) -> None:
        """Faults and changes, each at random."""
        ends_at_s = time.monotonic() + seconds
        while time.monotonic() < ends_at_s:
            name = self.chance.choice(list(FAULTS))
            when, fault = FAULTS[name]
            with self.proxy.during(when, fault()):
                for _ in range(self.chance.randrange(1, 12)):
                    self._something_happens()
                    self._tend()
                    time.sleep(STEP_S)
            self.samples.append(sample(self.operator.child.pid))

    def _something_happens(self) -> None:
        name = self.chance.choice(list(self.declared))
        if self.chance.random() < 0.5:
            self._declare(name)
        elif self.chance.random() < 0.3:
            self.changes += 1
            self.namespace.kubectl("set", "image", f"deploy/{name}", f"web={REPOSITORY}:2")

    def _declare(self, name: str) -> None:
        self.changes += 1
        digest = f"sha256:{self.chance.randrange(1, 10**9):064x}"
        self.declared[name] = f"{REPOSITORY}@{digest}"
        self.ever.add(self.declared[name])
        self.namespace.apply(
            pinned_release(name, target=name, digest=digest, registry=UNASKED,
                           tag=f"1.{self.changes}")
        )  # fmt: skip

    def _tend(self) -> None:
        if self.operator.child.returncode is not None:
            self.restarts += 1
            self.operator.start()

    def come_to_rest(self) -> None:
        """Without faults everything is as declared, soon. Raises TimeoutError."""
        deadline_s = time.monotonic() + REST_S
        while True:
            self._tend()
            wrong = [
                name for name, image in self.declared.items()
                if self.namespace.image(name, "web") != image
            ]  # fmt: skip
            if not wrong:
                break
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"not as declared after {REST_S:.0f} s: {', '.join(wrong)}")
            time.sleep(1)
        self.samples.append(sample(self.operator.child.pid))

    def judge(self) -> list[str]:
        """What is wrong; nothing when all is well."""
        first, last = self.samples[0], self.samples[-1]
        written = [
            image
            for seen in self.proxy.seen(When(resource=WORKLOADS, writes=True))
            for image in images_in(seen.document())
        ]
        stored = sum(one.is_stored for one in self.proxy.seen(When(writes=True)))
        sys.stdout.write(
            f"{self.changes} changes, {stored} stored writes, {self.restarts} restarts\n"
            f"memory {first.memory_mb:.0f} -> {last.memory_mb:.0f} MB, descriptors"
            f" {first.descriptors} -> {last.descriptors}, threads {first.threads} ->"
            f" {last.threads}\n"
        )
        problems: list[str] = []
        if set(written) - self.ever:
            problems.append(f"never declared, and written: {set(written) - self.ever}")
        if last.memory_mb - first.memory_mb > MEMORY_GROWTH_MB:
            problems.append("memory grows")
        if last.descriptors - first.descriptors > DESCRIPTOR_GROWTH:
            problems.append("file descriptors grow")
        if stored > WRITES_OF_A_CHANGE * self.changes:
            problems.append(f"{stored} writes for {self.changes} changes")
        return problems


def main() -> int:
    """0: all promises held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0)
    given = parser.parse_args()
    # SIGTERM ends it as Ctrl-C does: what it has started is stopped, and its folder removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ControlPlane(ensure()) as plane, tempfile.TemporaryDirectory() as folder:
        operator_process.install(plane)
        plane.kubectl("create", "namespace", "soak")
        token = plane.kubectl(
            "create", "token", operator_process.ACCOUNT, "-n", operator_process.NAMESPACE,
            "--duration=24h",
        ).stdout.strip()  # fmt: skip
        with FaultProxy(plane, Path(folder)) as proxy:
            operator = OperatorProcess(
                proxy.kubeconfig(token), Path(folder), "--namespace=soak", "--resync=20"
            )
            with operator:
                soak = Soak(plane, proxy, operator)
                soak.begin()
                soak.run(given.minutes * 60)
                soak.come_to_rest()
                problems = soak.judge()
    for problem in problems:
        sys.stdout.write(f"PROBLEM: {problem}\n")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
