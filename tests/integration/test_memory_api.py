"""The API in memory answers as the real one does: random traces are played on both."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from api_client import STRATEGIC, ApiClient
from controlplane.cluster import Cluster
from controlplane.plane import ControlPlane
from memory_api import MemoryApi
from namespace import Namespace
from objects import DIGEST_A, DIGEST_B, REPOSITORY, cron_job, pinned_release
from pinnedrelease.cluster import paths
from pinnedrelease.cluster.configuration import load_access
from pinnedrelease.cluster.errors import ClusterError
from pinnedrelease.cluster.reader import Reader
from pinnedrelease.cluster.session import Session
from pinnedrelease.cluster.writer import MERGE_PATCH, Writer
from pinnedrelease.core.actions import ApplyImages, PinnedContainer
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import Pin, Target, TargetKind
from pinnedrelease.core.status import Status
from pinnedrelease.core.workload import Workload

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

TRACES = 500
STEPS = 8
NIGHT = Target(kind=TargetKind.CRON_JOB, name="night")
"""Its controller writes nothing while it is suspended: every version is one of ours."""
TARGET_REFERENCE = {"kind": "CronJob", "name": "night", "apiVersion": "batch/v1"}
NEW = datetime(2026, 1, 1, tzinfo=UTC)


class Side:
    """One of the two API servers, with what the trace has read from it."""

    def __init__(self, session: Session, namespace: str) -> None:
        self.namespace = namespace
        self.reader, self.writer = Reader(session), Writer(session)
        self.session = session
        self.release: Release | None = None
        self.workload: Workload | None = None
        self.old_release: Release | None = None
        self.old_workload: Workload | None = None

    async def look(self) -> tuple[object, object]:
        """Read both anew; what is left after versions, uids and times are taken away."""
        self.old_release, self.old_workload = self.release, self.workload
        self.release = await self.reader.release(self.namespace, "web")
        self.workload = await self.reader.workload(NIGHT, self.namespace)
        return _plain_release(self.release), _plain_workload(self.workload)

    def versions(self) -> tuple[bool, bool]:
        """Whether each object is the same version as at the look before."""
        return (
            _version(self.release) == _version(self.old_release),
            _version(self.workload) == _version(self.old_workload),
        )


def _version(one: Release | Workload | None) -> str | None:
    return one.resource_version if one is not None else None


def _plain_release(one: Release | None) -> object:
    if one is None:
        return None
    return replace(one, namespace="", uid="", resource_version="", created_at=NEW, changed_by=None)


def _plain_workload(one: Workload | None) -> object:
    if one is None:
        return None
    containers = tuple(
        (c.name, c.image, c.changed_by.manager if c.changed_by else None) for c in one.containers
    )
    return (containers, one.owned_containers, one.marks, one.fences)


def applied(side: Side, digest: str, *, old: bool = False, uid: str | None = None) -> ApplyImages:
    """Our write of a workload; by what was read last, or before."""
    workload = side.old_workload if old else side.workload
    pin = Pin.declare(repository=REPOSITORY, tag="1", digest=digest)
    return ApplyImages(
        target=NIGHT,
        uid=uid or (workload.uid if workload else "none"),
        resource_version=workload.resource_version if workload else "1",
        pinned=(PinnedContainer(name="night", init=False, pin=pin),),
        kept=(),
        marks=((f"pin.pinnedrelease.dev/{digest[-1]}", "x"),),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """What other people do; it differs between the two."""

    create: Callable[[str, Any], None]
    delete: Callable[[str], None]
    set_image: Callable[[str], None]


class Player:
    """Plays steps on one side, with the production code."""

    def __init__(self, side: Side, others: Others) -> None:
        self.side, self._others = side, others

    async def play(self, step: str) -> str:
        """How a step ends: ok, or the kind of the error."""
        try:
            if not self._somebody_else(step):
                await self._play(step)
        except ClusterError as error:
            return type(error).__name__
        return "ok"

    def _somebody_else(self, step: str) -> bool:
        """Whether the step is one of other people; it is skipped where there is nothing to do."""
        verb, _, argument = step.partition(" ")
        is_there = {"workload": self.side.workload, "release": self.side.release}
        name = {"workload": "night", "release": "web"}.get(argument, "")
        if verb == "set-image":
            if self.side.workload is not None:
                self._others.set_image(argument)
        elif verb == "delete":
            if is_there[argument] is not None:
                self._others.delete(name)
        elif verb == "create":
            if is_there[argument] is None:
                self._others.create(name, MANIFESTS[argument])
        else:
            return False
        return True

    async def _play(self, step: str) -> None:
        side = self.side
        name, _, argument = step.partition(" ")
        digest = {"A": DIGEST_A, "B": DIGEST_B}.get(argument, "")
        shown = side.old_release if argument == "old" else side.release
        match name:
            case "declare":
                await side.session.patch(
                    paths.item(paths.RELEASES, side.namespace, "web"),
                    {"spec": {"digest": digest}}, MERGE_PATCH, {"fieldManager": "kubectl"},
                )  # fmt: skip
            case "status" if shown is not None:
                status = Status(observed_generation=shown.generation)
                shown = replace(shown, namespace=side.namespace)
                await side.writer.write_status(shown, status)
            case "apply" if side.release is not None:
                await side.writer.apply_images(self._here(), applied(side, digest))
            case "apply-old" if side.release is not None:
                await side.writer.apply_images(self._here(), applied(side, digest, old=True))
            case "apply-elsewhere" if side.release is not None:
                wrong = applied(side, digest, uid="00000000-0000-0000-0000-000000000000")
                await side.writer.apply_images(self._here(), wrong)

    def _here(self) -> Release:
        assert self.side.release is not None
        return replace(self.side.release, namespace=self.side.namespace)


def suspended() -> dict[str, Any]:
    made: dict[str, Any] = cron_job("night")
    made["spec"]["suspend"] = True
    return made


MANIFESTS = {"workload": suspended(), "release": pinned_release(target=TARGET_REFERENCE)}
STEPS_TO_DRAW = (
    *("declare A", "declare B", "status new", "status old") * 2,
    *("apply A", "apply B", "apply-old A", "apply-elsewhere B") * 2,
    *("set-image A", "set-image tag") * 2,
    "delete workload", "create workload", "create workload",
    "delete release", "create release", "create release",
)  # fmt: skip


@pytest.fixture
def client(plane: ControlPlane, namespace: Namespace) -> Iterator[ApiClient]:
    """Somebody who may do everything in the namespace."""
    namespace.kubectl("create", "serviceaccount", "admin")
    account = f"--serviceaccount={namespace.name}:admin"
    namespace.kubectl("create", "rolebinding", "admin", "--clusterrole=cluster-admin", account)
    kubeconfig = plane.service_account_kubeconfig(namespace.name, "admin")
    with ApiClient(kubeconfig, plane.authority) as made:
        yield made


def test_random_traces_end_the_same(
    cluster: Cluster, namespace: Namespace, client: ApiClient
) -> None:
    asyncio.run(_compare(cluster, namespace, client))


async def _compare(cluster: Cluster, namespace: Namespace, client: ApiClient) -> None:
    access = load_access(Path(cluster.admin_kubeconfig), None, lambda: 0.0)
    real_session, memory = Session(access), MemoryApi()
    real, imitated = Side(real_session, namespace.name), Side(memory, "shop")
    players = (_real(real, client), _imitated(imitated, memory))
    chance = random.Random(9)  # noqa: S311 - the same traces every time
    try:
        for number in range(TRACES):
            steps = [chance.choice(STEPS_TO_DRAW) for _ in range(STEPS)]
            for step in steps:
                first, second = [await one.play(step) for one in players]
                assert first == second, f"{number}: {step} of {steps}"
                assert await real.look() == await imitated.look(), f"{number}: {step} of {steps}"
                assert real.versions() == imitated.versions(), f"{number}: {step} of {steps}"
    finally:
        await real_session.close()


def _image(argument: str) -> str:
    return f"{REPOSITORY}@{DIGEST_A}" if argument == "A" else f"{REPOSITORY}:1.0"


def _path(name: str, namespace: str) -> str:
    if name == "web":
        return paths.item(paths.RELEASES, namespace, "web")
    return paths.workload(NIGHT, namespace)


def _imitated(side: Side, memory: MemoryApi) -> Player:
    others = Others(
        create=lambda name, manifest: memory.create(_path(name, "shop"), manifest),
        delete=lambda name: memory.delete(_path(name, "shop")),
        set_image=lambda what: memory.set_image(_path("night", "shop"), "night", _image(what)),
    )
    return Player(side, others)


def _real(side: Side, client: ApiClient) -> Player:
    def create(name: str, manifest: Any) -> None:
        folder = _path(name, side.namespace).rpartition("/")[0]
        assert client.post(f"{folder}?fieldManager=kubectl", manifest).status_code == 201

    def set_image(argument: str) -> None:
        pod = {"containers": [{"name": "night", "image": _image(argument)}]}
        body = {"spec": {"jobTemplate": {"spec": {"template": {"spec": pod}}}}}
        path, manager = _path("night", side.namespace), {"fieldManager": "kubectl-set"}
        assert client.patch(path, body, STRATEGIC, manager).status_code == 200

    def delete(name: str) -> None:
        assert client.delete(_path(name, side.namespace)).status_code == 200

    return Player(side, Others(create=create, delete=delete, set_image=set_image))
