"""Waiting for a pair: for this one, and through moments without an answer."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from pinnedrelease.cli.connection import Connection
from pinnedrelease.cli.errors import CannotTell, CommandError
from pinnedrelease.cli.readiness import wait_until_ready
from pinnedrelease.cluster.errors import Unavailable
from pinnedrelease.core.observed import Release
from pinnedrelease.core.plan import plan
from pinnedrelease.core.workload import Rollout
from worlds import PIN_A, PIN_B, after, at, desired, settled, workload, world


class Answers:
    """A connection that answers from a list; the last answer stays."""

    namespace = "shop"

    def __init__(self, *answers: Release | Exception) -> None:
        self._answers = list(answers)

    async def release(self, name: str) -> Release:
        assert name == "web"
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def connection(*answers: Release | Exception) -> Connection:
    return cast(Connection, Answers(*answers))


def ready() -> Release:
    return settled(world(on=workload())).release


async def test_another_pair_that_runs_is_not_the_promoted_one() -> None:
    """It was told as success, and a pipeline went on with content that nobody had promoted."""
    other = settled(
        replace(world(on=workload()), release=replace(ready(), spec=desired(PIN_B), generation=2))
    ).release

    with pytest.raises(CommandError, match="somebody has declared"):
        await wait_until_ready(connection(other), "web", PIN_A.digest, 5)


async def test_one_answer_that_does_not_come_does_not_end_the_waiting(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers = connection(Unavailable("429"), Unavailable("no answer"), ready())

    await wait_until_ready(answers, "web", PIN_A.digest, 10)

    assert "shop/web runs 1.0" in capsys.readouterr().out


async def test_the_time_is_up_all_the_same() -> None:
    silent = connection(Unavailable("no"))
    with pytest.raises(CannotTell, match="not known: the API server does not answer: no"):
        await wait_until_ready(silent, "web", PIN_A.digest, 0.2)


async def test_an_answer_that_says_not_yet_is_a_no_when_the_time_is_up() -> None:
    unready = connection(Unavailable("no"), world(on=workload()).release)

    with pytest.raises(CommandError, match=r"does not run it after 0\.8 s: no operator") as told:
        await wait_until_ready(unready, "web", PIN_A.digest, 0.8)

    assert told.value.exit_code == 1


async def test_nothing_is_waited_for_where_no_pods_are_wanted() -> None:
    nobody = Rollout(desired=0, current=0, updated=0, ready=0)
    asleep = world(on=workload())
    for seconds in (0, 3):
        asleep = after(asleep, plan(asleep, at(seconds)))
        assert asleep.workload is not None
        asleep = replace(asleep, workload=replace(asleep.workload, rollout=nobody))

    with pytest.raises(CannotTell, match="no pods are wanted now"):
        await wait_until_ready(connection(asleep.release), "web", PIN_A.digest, 600)
