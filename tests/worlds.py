"""Worlds for tests of the core: state in, plan out, no digging."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from objects import DIGEST_A, DIGEST_B, REPOSITORY
from pinnedrelease.core.actions import (
    ApplyImages,
    EmitEvent,
    LetGo,
    RecordIntent,
    WriteStatus,
)
from pinnedrelease.core.marks import fences_in
from pinnedrelease.core.observed import Instant, Limits, Memory, Observed, Release
from pinnedrelease.core.pin import DesiredPin, Pin, Target, TargetKind
from pinnedrelease.core.plan import Plan, plan
from pinnedrelease.core.status import Status
from pinnedrelease.core.workload import Container, FieldChange, Rollout, Workload

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
TARGET = Target(kind=TargetKind.DEPLOYMENT, name="web")
DONE = Rollout(desired=3, current=3, updated=3, ready=3)
HALFWAY = Rollout(desired=3, current=4, updated=2, ready=3)


def pin(digest: str = DIGEST_A, tag: str = "1.0", repository: str = REPOSITORY) -> Pin:
    return Pin.declare(repository=repository, tag=tag, digest=digest)


PIN_A = pin()
PIN_B = pin(DIGEST_B, "1.1")


def desired(declared: Pin = PIN_A, **changes: object) -> DesiredPin:
    return replace(DesiredPin(pin=declared, target=TARGET), **changes)  # type: ignore[arg-type]


def release(spec: DesiredPin | None = None, **changes: object) -> Release:
    plain = Release(
        namespace="shop",
        name="web",
        uid="uid-of-release",
        resource_version="10",
        generation=1,
        created_at=NOON - timedelta(days=1),
        spec=spec or desired(),
        status=Status(),
        changed_by="kubectl",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def container(image: str, name: str = "web", manager: str = "kubectl-set") -> Container:
    return Container(
        name=name, image=image, changed_by=FieldChange(manager=manager, changed_at=NOON)
    )


def workload(*containers: Container, **changes: object) -> Workload:
    plain = Workload(
        target=TARGET,
        uid="uid-of-workload",
        resource_version="20",
        containers=containers or (container(f"{REPOSITORY}:1.0"),),
        rollout=DONE,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def world(
    of: Release | None = None,
    on: Workload | None = None,
    *,
    rivals: tuple[Release, ...] = (),
    memory: Memory | None = None,
) -> Observed:
    return Observed(
        release=of or release(),
        workload=on,
        rivals=rivals,
        memory=memory or Memory(),
        limits=Limits(),
    )


def at(seconds: float = 0.0) -> Instant:
    """A moment so many seconds after noon, on both clocks."""
    wall = NOON + timedelta(seconds=int(seconds))
    return Instant(wall=wall, monotonic_s=1000.0 + seconds)


def after(observed: Observed, decided: Plan) -> Observed:
    """The world when the plan has been carried out by a faultless executor.

    The workload's controller has not moved yet: its rollout is as unobserved as after any write.
    """
    current, on = observed.release, observed.workload
    for action in decided.actions:
        match action:
            case RecordIntent() | WriteStatus():
                version = str(int(current.resource_version) + 1)
                current = replace(current, status=action.status, resource_version=version)
            case ApplyImages():
                assert on is not None
                assert (action.uid, action.resource_version) == (on.uid, on.resource_version)
                on = applied(on, action)
            case LetGo():
                assert on is not None
                assert (action.uid, action.resource_version) == (on.uid, on.resource_version)
                on = let_go(on, action)
            case EmitEvent():
                pass
    return replace(observed, release=current, workload=on, memory=decided.memory)


def applied(on: Workload, action: ApplyImages) -> Workload:
    """A workload after an apply of ours."""
    images = {one.name: one.pin.image for one in action.pinned}
    images |= {one.name: one.image for one in action.kept}
    return replace(
        on,
        resource_version=str(int(on.resource_version) + 1),
        containers=tuple(
            replace(one, image=images.get(one.name, one.image)) for one in on.containers
        ),
        owned_containers=frozenset(images),
        marks=action.marks,
        fences=fences_in(action.marks),
        rollout=replace(on.rollout, observed=False),
    )


def let_go(on: Workload, action: LetGo) -> Workload:
    """A workload after marks of ours have been taken off."""
    return replace(
        on,
        resource_version=str(int(on.resource_version) + 1),
        marks=tuple(one for one in on.marks if one[0] not in action.marks),
    )


def rolled_out(observed: Observed) -> Observed:
    """The world when all pods have followed."""
    assert observed.workload is not None
    return replace(observed, workload=replace(observed.workload, rollout=DONE))


def settled(observed: Observed, seconds: float = 0.0) -> Observed:
    """The world at rest: plans are carried out and pods follow until there is nothing to do."""
    for step in range(6):
        decided = plan(observed, at(seconds + 3 * step))
        if not decided.actions:
            return observed
        observed = after(observed, decided)
        if observed.workload is not None:
            observed = rolled_out(observed)
    raise AssertionError(f"no rest: {plan(observed, at(seconds + 18)).actions}")
