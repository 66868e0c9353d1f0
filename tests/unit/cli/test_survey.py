"""A look at many PinnedReleases: what is wrong with one of them is a matter of that one."""

from __future__ import annotations

import argparse
from contextlib import AsyncExitStack
from typing import cast

from pinnedrelease.cli.connection import Connection
from pinnedrelease.cli.survey import Surveyor
from pinnedrelease.cluster.pods import OwnedPod
from pinnedrelease.core.pin import Target
from pinnedrelease.core.verification import Answer, Subject, verify
from pinnedrelease.core.workload import Workload
from worlds import at, container, desired, pin, release, workload


class Cluster:
    """A connection to a cluster with one workload and no pods."""

    def __init__(self, on: Workload) -> None:
        self._on = on
        self.reader = self.lister = self

    async def workload(self, target: Target, namespace: str) -> Workload:
        assert (target, namespace) == (self._on.target, "shop")
        return self._on

    async def owned_pods(self, namespace: str) -> list[OwnedPod]:
        assert namespace == "shop"
        return []


async def test_an_address_that_is_none_is_an_unknown_of_its_own_release() -> None:
    """One of a thousand PinnedReleases ended all of ``verify -A``."""
    odd = pin(repository="registry.example.com:99999/web")
    given = argparse.Namespace(plain_http=[], token_host=[], registry_ca_file=None)
    cluster = cast(Connection, Cluster(workload(container(odd.reference))))

    async with AsyncExitStack() as stack:
        surveyor = Surveyor(given, cluster, stack, with_pods=True, with_registry=True)
        observed = await surveyor.observe(release(desired(odd)))

    answers = {one.subject: one for one in verify(observed, at())}
    assert answers[Subject.DIGEST].answer is Answer.UNKNOWN
    assert answers[Subject.TAG].answer is Answer.UNKNOWN
    assert answers[Subject.TEMPLATE].answer is Answer.SAME
