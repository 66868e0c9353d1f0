"""What ``pinrel doctor`` says about an operator that needs a Lease, or watches some namespaces."""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import Any

import pytest

from doctor_world import OPERATORS, RELEASES, SHARDED, controller, examined, healthy, results
from pinnedrelease.cli.doctor import Examination
from pinnedrelease.cli.doctor_leader import judge_leader
from pinnedrelease.cli.findings import Result
from pinnedrelease.cli.installed import Operator
from pinnedrelease.core.lease import Lease
from scripted_cluster import ScriptedSession, scripted_connection
from worlds import NOON

LEASE = "/apis/coordination.k8s.io/v1/namespaces/system/leases/pinnedrelease-controller"


def world(*arguments: str) -> dict[str, Any]:
    return {**healthy(), OPERATORS: {"items": [controller(*arguments)]}}


def lease(holder: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {"resourceVersion": "1"}, "spec": {"holderIdentity": holder, **more}}


async def test_the_pod_that_writes_is_named() -> None:
    held = lease("pod-a", renewTime=NOON.isoformat())

    found = await examined({**world("--leader-election"), LEASE: held})

    assert results(found, "leader") == [("OK", "pod-a holds Lease system/pinnedrelease-controller")]


async def test_a_lease_that_nobody_ever_held_is_a_failure() -> None:
    found = await examined(world("--leader-election"))

    ((result, message),) = results(found, "leader")
    assert result == "FAIL"
    assert "no operator has begun to write" in message


async def test_an_operator_without_election_is_not_asked_for_a_lease() -> None:
    assert results(await examined(world()), "leader") == []


@pytest.mark.parametrize(
    ("stored", "result", "words"),
    [
        (Lease(holder="a", resource_version="1", renewed_at=NOON), Result.OK, "a holds"),
        (Lease(holder="", resource_version="1", renewed_at=NOON), Result.WARN, "nobody holds"),
        (
            Lease(holder="a", resource_version="1", renewed_at=NOON - timedelta(minutes=2)),
            Result.FAIL,
            "last at 2026-11-23 11:58:00 UTC: no operator writes",
        ),
        (Lease(holder="a", resource_version="1"), Result.FAIL, "Lease system/other never"),
    ],
)
def test_a_lease_is_judged_by_its_holder_and_its_renewal(
    stored: Lease, result: Result, words: str
) -> None:
    operator = Operator(
        kind="Deployment",
        namespace="system", name="c", account="c", image="", wanted=1, ready=1,
        arguments=("--leader-election", "--lease-name=other"),
    )  # fmt: skip

    (name,) = operator.leases
    found = judge_leader(operator, name, stored, NOON)

    assert found.result is result
    assert words in found.message
    assert "Lease system/other" in found.message


async def test_each_shard_has_a_pod_that_writes_or_a_failure() -> None:
    sharded = controller("--leader-election", "--shard=$(SHARD)/2", ready=2)
    held = lease("pod-0_a1", renewTime=NOON.isoformat())
    answers = {**healthy(), OPERATORS: {"items": []}, SHARDED: {"items": [sharded]}}

    found = await examined({**answers, f"{LEASE}-0-of-2": held})

    (first, (result, message)) = results(found, "leader")
    assert first == ("OK", "pod-0_a1 holds Lease system/pinnedrelease-controller-0-of-2")
    assert result == "FAIL"
    assert message.startswith("Lease system/pinnedrelease-controller-1-of-2 does not exist")


async def test_rights_are_asked_for_in_the_namespaces_that_the_operator_watches() -> None:
    answers = world("--namespace=shop")
    answers[RELEASES.replace("/namespaces/shop", "")] = answers.pop(RELEASES)
    given = argparse.Namespace(all_namespaces=True, no_registry=True)

    found = await Examination(given, scripted_connection(ScriptedSession(answers)), NOON).examine()

    assert results(found, "operator-rights") == [
        ("OK", "service account system/default may do its work in namespace shop")
    ]
