"""The writer's preconditions, each against an API that has them: late and foreign writes fail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from memory_api import MemoryApi
from objects import DIGEST_A, REPOSITORY, deployment, pinned_release
from pinnedrelease.cluster import paths
from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.errors import Conflict, Invalid, NotLeading
from pinnedrelease.cluster.leases import decode_lease, lease_body
from pinnedrelease.cluster.reader import Reader
from pinnedrelease.cluster.writer import Writer
from pinnedrelease.core.actions import (
    ApplyImages,
    EmitEvent,
    EventType,
    LetGo,
    PinnedContainer,
)
from pinnedrelease.core.observed import Release
from pinnedrelease.core.status import Status
from pinnedrelease.core.workload import Workload
from worlds import NOON, PIN_A, TARGET

RELEASE = paths.item(paths.RELEASES, "shop", "web")
WEB = paths.workload(TARGET, "shop")


class World:
    """A PinnedRelease and its target as they were read, and a writer."""

    def __init__(self, *, is_leading: bool = True) -> None:
        self.api = MemoryApi()
        self.api.create(RELEASE, pinned_release())
        self.api.create(WEB, deployment())
        self.writer = Writer(self.api, lambda: is_leading)

    async def read(self) -> tuple[Release, Workload]:
        reader = Reader(self.api)
        release, workload = (
            await reader.release("shop", "web"),
            await reader.workload(TARGET, "shop"),
        )
        assert release is not None
        assert workload is not None
        return release, workload


def images(workload: Workload) -> ApplyImages:
    return ApplyImages(
        target=TARGET,
        uid=workload.uid,
        resource_version=workload.resource_version,
        pinned=(PinnedContainer(name="web", init=False, pin=PIN_A),),
        kept=(),
        marks=(),
    )


async def test_a_workload_that_has_changed_since_it_was_read_is_not_written() -> None:
    world = World()
    release, workload = await world.read()
    world.api.set_image(WEB, "web", "other:2")

    with pytest.raises(Conflict):
        await world.writer.apply_images(release, images(workload))
    _, now = await world.read()
    assert now.containers[0].image == "other:2"


async def test_a_workload_that_was_replaced_is_not_written() -> None:
    world = World()
    release, workload = await world.read()
    world.api.delete(WEB)
    world.api.create(WEB, deployment())
    _, now = await world.read()

    with pytest.raises(Conflict):
        await world.writer.apply_images(
            release, replace(images(workload), resource_version=now.resource_version)
        )


async def test_a_workload_that_is_gone_is_not_made() -> None:
    world = World()
    release, workload = await world.read()
    world.api.delete(WEB)

    with pytest.raises(Conflict):
        await world.writer.apply_images(release, images(workload))
    assert world.api.created_by_apply == []


async def test_a_status_is_not_written_over_another_one() -> None:
    world = World()
    release, _ = await world.read()
    await world.writer.write_status(release, Status(observed_generation=1, revision=7))

    with pytest.raises(Conflict):
        await world.writer.write_status(release, Status(observed_generation=1, revision=8))
    now, _ = await world.read()
    assert now.status.revision == 7


async def test_a_status_that_an_older_crd_refuses_is_told_with_the_way_out() -> None:
    class OlderCrd(MemoryApi):
        async def patch(self, *_: object, **__: object) -> Document:
            raise Invalid("status.history[0].result: Unsupported value")

    world = World()
    release, _ = await world.read()
    writer = Writer(OlderCrd())

    with pytest.raises(Invalid, match=r"Unsupported value; an older CRD .* apply that of its"):
        await writer.write_status(release, Status())


WRITES: dict[str, Callable[[Writer, Release, Workload], Awaitable[object]]] = {
    "status": lambda writer, release, _: writer.write_status(release, Status()),
    "images": lambda writer, release, workload: writer.apply_images(release, images(workload)),
    "let go": lambda writer, _, workload: writer.let_go(
        "shop",
        LetGo(
            target=TARGET,
            uid=workload.uid,
            resource_version=workload.resource_version,
            marks=("pin.pinnedrelease.dev/web",),
        ),
    ),
    "event": lambda writer, release, _: writer.emit_event(
        release, EmitEvent(type=EventType.NORMAL, reason="R", message="m", target=None), NOON
    ),
}


@pytest.mark.parametrize("name", WRITES)
async def test_who_does_not_lead_writes_nothing(name: str) -> None:
    world = World(is_leading=False)
    release, workload = await world.read()

    with pytest.raises(NotLeading):
        await WRITES[name](world.writer, release, workload)
    assert await world.read() == (release, workload)
    assert workload.containers[0].image != f"{REPOSITORY}@{DIGEST_A}"


async def test_a_lease_that_somebody_has_deleted_is_not_made_anew() -> None:
    """Two would lead for a moment: the API server makes a Lease that a PUT names, without a uid."""
    world = World()
    path = paths.item(paths.LEASES, "shop", "leader")
    await world.api.overwrite(path, lease_body("shop", "leader", "first", None, NOON))
    lease = decode_lease(await world.api.get(path))
    world.api.delete(path)

    with pytest.raises(Conflict):
        await world.writer.write_lease("shop", "leader", "first", lease, NOON)
    assert path not in world.api.objects
