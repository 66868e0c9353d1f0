"""Changes of a PinnedRelease beside an operator that writes its status."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from pinnedrelease.api.changes import Patch
from pinnedrelease.cli.changing import change
from pinnedrelease.cli.connection import Connection
from pinnedrelease.cli.errors import CommandError
from pinnedrelease.cluster.errors import Conflict
from pinnedrelease.core.observed import Release
from worlds import release

PATCH: Patch = {"spec": {"suspend": True}}


class BusyCluster:
    """An object that changes whenever it is about to be changed, for some time."""

    def __init__(self, *states: Release | None) -> None:
        self._states = list(states)
        self.sent: list[str] = []
        self.namespace = "shop"
        self.reader = self.writer = self

    async def change_release(
        self, namespace: str, name: str, patch: Patch, resource_version: str
    ) -> None:
        assert (namespace, name, patch) == ("shop", "web", PATCH)
        self.sent.append(resource_version)
        if self._states:
            raise Conflict("409")

    async def release(self, namespace: str, name: str) -> Release | None:  # noqa: ARG002
        return self._states.pop(0)


async def changed(cluster: BusyCluster, before: Release) -> None:
    connection = cast("Connection", cluster)
    await change(connection, before, PATCH, "suspended", dry_run=False)


BEFORE = replace(release(), resource_version="1", generation=3)


async def test_status_writes_of_the_operator_are_no_obstacle(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cluster = BusyCluster(
        replace(BEFORE, resource_version="2"), replace(BEFORE, resource_version="3")
    )

    await changed(cluster, BEFORE)

    assert cluster.sent == ["1", "2", "3"]
    assert capsys.readouterr().out == "pinnedrelease.pinnedrelease.dev/web suspended\n"


@pytest.mark.parametrize(
    "now",
    [
        replace(BEFORE, resource_version="2", generation=4),
        replace(BEFORE, resource_version="2", uid="another"),
        None,
    ],
)
async def test_a_spec_that_somebody_else_has_changed_is_left_alone(now: Release | None) -> None:
    cluster = BusyCluster(now)

    with pytest.raises(CommandError, match="changed by somebody else meanwhile"):
        await changed(cluster, BEFORE)

    assert cluster.sent == ["1"]
