"""The pods of a workload: what each of them runs, and why it is not ready."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pinnedrelease.core.digest import Digest
from pinnedrelease.core.proof import Contents, Proof, Verdict, judge, reported

RUNNING_LIMIT = 10
SAMPLES_LIMIT = 3


@dataclass(frozen=True, slots=True)
class PodContainer:
    """One container, init container or sidecar of a pod."""

    name: str
    image: str
    """In the pod's own spec: what it was asked to run."""
    image_id: str = ""
    """As the runtime reports it; empty until it has been pulled."""
    trouble: str = ""
    """Why it does not run: a waiting reason with its message, or the exit of its last run."""
    changed_by: str = ""
    """The field manager that set the image in the pod's spec."""


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod, cut down to what a plan looks at."""

    name: str
    uid: str
    node: str
    is_ready: bool
    is_finished: bool
    """Succeeded or failed: it runs no more."""
    is_leaving: bool
    trouble: str
    """Why it cannot be scheduled."""
    containers: tuple[PodContainer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """One digest that runs, and in which pods."""

    digest: str
    pods: int
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PodCounts:
    """How many pods are wanted, are there, and run what. The last three make up ``current``."""

    desired: int
    current: int
    matching: int
    mismatched: int
    unknown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A container that is proven to run other content."""

    pod: Pod
    container: PodContainer


@dataclass(frozen=True, slots=True, kw_only=True)
class PodReport:
    """What the pods of a workload run, as far as governed containers go."""

    counts: PodCounts
    running: tuple[Running, ...]
    mismatches: tuple[Mismatch, ...]
    unproven: tuple[Mismatch, ...]
    """Containers whose report is neither proven equal nor proven different."""
    pending: int
    """Pods whose runtime has not reported anything."""


def current_pods(pods: Iterable[Pod]) -> tuple[Pod, ...]:
    """The pods that count: those on their way out and those that have ended do not."""
    return tuple(pod for pod in pods if not pod.is_leaving and not pod.is_finished)


def report_pods(
    pods: Iterable[Pod], names: frozenset[str], desired: int, proof: Proof, contents: Contents
) -> PodReport:
    """Judge each governed container of each current pod."""
    current = current_pods(pods)
    mismatches: list[Mismatch] = []
    unproven: list[Mismatch] = []
    matching = unknown = pending = 0
    running: dict[str, list[str]] = {}
    for pod in current:
        verdicts: set[Verdict] = set()
        for container in pod.containers:
            if container.name not in names:
                continue
            verdict = judge(container.image_id, container.image, proof, contents)
            verdicts.add(verdict)
            if verdict is Verdict.DIFFERS:
                mismatches.append(Mismatch(pod=pod, container=container))
            elif verdict is Verdict.UNKNOWN:
                unproven.append(Mismatch(pod=pod, container=container))
            found = reported(container.image_id)
            if found is not None and pod.name not in running.setdefault(str(found.digest), []):
                running[str(found.digest)].append(pod.name)
        if Verdict.DIFFERS in verdicts:
            continue
        if verdicts == {Verdict.MATCHES}:
            matching += 1
        else:
            unknown += 1
            pending += Verdict.PENDING in verdicts
    mismatched = len(current) - matching - unknown
    return PodReport(
        counts=PodCounts(
            desired=desired,
            current=len(current),
            matching=matching,
            mismatched=mismatched,
            unknown=unknown,
        ),
        running=_most_common(running),
        mismatches=tuple(mismatches),
        unproven=tuple(unproven),
        pending=pending,
    )


def digests_in(pods: Iterable[Pod], names: frozenset[str]) -> frozenset[Digest]:
    """What governed containers report as pulled; configurations are nothing to ask a registry."""
    found = (
        reported(container.image_id)
        for pod in current_pods(pods)
        for container in pod.containers
        if container.name in names
    )
    return frozenset(one.digest for one in found if one is not None and not one.is_config)


def first_trouble(pods: Iterable[Pod]) -> tuple[Pod, str] | None:
    """The first pod that does not become ready, with the cause that it gives."""
    for pod in sorted(current_pods(pods), key=lambda one: one.name):
        if pod.is_ready:
            continue
        if pod.trouble:
            return pod, pod.trouble
        for container in pod.containers:
            if container.trouble:
                return pod, f"container {container.name}: {container.trouble}"
    return None


def _most_common(running: dict[str, list[str]]) -> tuple[Running, ...]:
    ordered = sorted(running.items(), key=lambda one: (-len(one[1]), one[0]))
    return tuple(
        Running(digest=digest, pods=len(names), samples=tuple(sorted(names)[:SAMPLES_LIMIT]))
        for digest, names in ordered[:RUNNING_LIMIT]
    )
