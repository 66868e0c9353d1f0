"""What could not be looked at is not answered with no, nor with yes."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from typing import cast

import pytest

from objects import DIGEST_A, DIGEST_C
from pinnedrelease.cli import where
from pinnedrelease.cli.connection import Connection
from pinnedrelease.cli.errors import CannotTell
from pinnedrelease.cli.verify import _with_unread_pods
from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.errors import Forbidden
from pinnedrelease.core.observed import Release
from pinnedrelease.core.verification import Answer, Check, Subject
from worlds import settled, workload, world


class Narrow:
    """A connection that may read PinnedReleases and no pods."""

    def __init__(self, releases: list[Release] | None) -> None:
        self._releases = releases
        self.lister = self

    async def releases(self, scope: str | None) -> list[Release]:
        assert scope is None
        if self._releases is None:
            raise Forbidden("may not list pinnedreleases")
        return self._releases

    async def documents(self, kind: object, scope: str | None) -> AsyncIterator[Document]:
        for document in cast(list[Document], []):
            yield document
        raise Forbidden(f"may not list {kind} in {scope}")


def asked(digest: str, **more: object) -> argparse.Namespace:
    return argparse.Namespace(digest=digest, namespace=None, no_pods=False, **more)


async def places(digest: str, releases: list[Release] | None) -> where._Found:
    connection = cast(Connection, Narrow(releases))
    return await where._places(asked(digest), connection, digest.removeprefix("sha256:"))


async def test_where_does_not_say_nowhere_without_having_seen_pods() -> None:
    """In the search for a digest that must not run, "no" is the dangerous answer."""
    there = [settled(world(on=workload())).release]

    with pytest.raises(CannotTell, match="whether pods run it cannot be told"):
        await places(DIGEST_C, there)
    with pytest.raises(CannotTell, match="-n"):
        await places(DIGEST_C, None)


async def test_where_does_not_say_done_without_having_seen_pods(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A digest was declared in one place, and what else ran it was nobody's matter."""
    found = await places(DIGEST_A, [settled(world(on=workload())).release])

    code = where._answer(asked(DIGEST_A, output=None, no_headers=True), found)

    told = capsys.readouterr()
    assert code == 3
    assert "PinnedRelease/web" in told.out
    assert "this may not be all: pods were not looked at: may not list" in told.err


def test_pods_that_may_not_be_read_are_unknown_and_not_skipped() -> None:
    """A gate with a narrow account let everything pass."""
    skipped = Check(subject=Subject.PODS, answer=Answer.SKIPPED, message="not looked at")
    template = Check(subject=Subject.TEMPLATE, answer=Answer.SAME, message="")

    (first, second) = _with_unread_pods((template, skipped), "403")

    assert (first, second.answer, second.message) == (
        template, Answer.UNKNOWN, "they cannot be read: 403",
    )  # fmt: skip
    assert _with_unread_pods((skipped,), None) == (skipped,)
