"""Which operator ``pinrel doctor`` looks at, and what it says when there are several."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from doctor_world import OPERATORS, RELEASES, SHARDED, controller, examined, healthy, results
from pinnedrelease.cli.doctor import Examination
from pinnedrelease.cli.findings import Finding
from pinnedrelease.cli.installed import Installed, Operator
from pinnedrelease.core.shards import Shard
from scripted_cluster import ScriptedSession, scripted_connection
from worlds import NOON

OWN = "--namespace=$(POD_NAMESPACE)"


def world(*deployments: dict[str, Any], shards: list[dict[str, Any]] | None = None) -> Any:
    return {
        **healthy(),
        OPERATORS: {"items": list(deployments)},
        SHARDED: {"items": shards or []},
    }


def unseen(answers: Any) -> Any:
    """The same, and nobody has looked at the PinnedRelease yet."""
    (release,) = answers[RELEASES]["items"]
    del release["status"]
    return answers


async def everywhere(answers: Any) -> list[Finding]:
    answers[RELEASES.replace("/namespaces/shop", "")] = answers.pop(RELEASES)
    given = argparse.Namespace(all_namespaces=True, no_registry=True)
    return await Examination(given, scripted_connection(ScriptedSession(answers)), NOON).examine()


async def test_where_each_namespace_has_its_own_operator_that_of_the_namespace_is_judged() -> None:
    answers = world(
        controller(OWN, namespace="billing", ready=0), controller(OWN, namespace="shop")
    )

    found = await examined(answers)

    assert results(found, "operator", "operator-rights") == [
        ("OK", "Deployment shop/controller: 1 of 1 ready"),
        ("OK", "service account shop/default may do its work in namespace shop"),
    ]


async def test_else_one_that_watches_all_namespaces_is_judged() -> None:
    found = await examined(world(controller(OWN, namespace="billing"), controller()))

    assert results(found, "operator") == [("OK", "Deployment system/controller: 1 of 1 ready")]


async def test_a_namespace_that_no_operator_watches_is_a_failure_that_names_those_found() -> None:
    answers = world(controller(OWN, namespace="billing"), controller(OWN + ",other"))

    found = await examined(unseen(answers))

    message = (
        "no operator watches namespace shop: Deployment billing/controller watches billing; "
        "Deployment system/controller watches system, other"
    )
    assert results(found, "operator") == [("FAIL", message)]
    assert results(found, "operator-rights", "leader", "operator-secrets") == []


async def test_where_somebody_has_looked_at_everything_another_operator_may_run_elsewhere() -> None:
    found = await examined(world(controller(OWN, namespace="billing")))

    ((result, message),) = results(found, "operator")
    assert result == "WARN"
    assert message.endswith("but an operator has looked at the newest spec of all 1 PinnedReleases")


async def test_a_deployment_that_was_left_beside_shards_is_told_and_the_ready_one_judged() -> None:
    election = "--leader-election"
    left = controller(election, ready=0)
    sharded = controller(election, "--shard=$(SHARD)/2")

    found = await examined(world(left, shards=[sharded]))

    both = (
        "2 operators may write in namespace shop at the same time: "
        "StatefulSet system/controller, Deployment system/controller"
    )
    assert results(found, "operator") == [
        ("OK", "StatefulSet system/controller: 1 of 1 ready"),
        ("WARN", both),
    ]


@pytest.mark.parametrize("other", [[controller("--leader-election")], []])
async def test_two_that_stand_by_for_one_lease_or_a_single_one_are_no_rivals(
    other: list[dict[str, Any]],
) -> None:
    found = await examined(world(controller("--leader-election"), *other))

    assert [result for result, _ in results(found, "operator")] == ["OK"]


async def test_one_that_is_scaled_to_zero_writes_nothing() -> None:
    stopped = controller(ready=0)
    stopped["spec"]["replicas"] = 0

    found = await examined(world(stopped, controller(namespace="new")))

    assert results(found, "operator") == [("OK", "Deployment new/controller: 1 of 1 ready")]


async def test_in_all_namespaces_every_operator_is_judged() -> None:
    found = await everywhere(
        world(controller(OWN, namespace="billing", ready=0), controller(OWN, namespace="shop"))
    )

    assert results(found, "operator", "operator-rights") == [
        ("FAIL", "Deployment billing/controller: 0 of 1 replicas are ready"),
        ("OK", "Deployment shop/controller: 1 of 1 ready"),
        ("OK", "service account billing/default may do its work in namespace billing"),
        ("OK", "service account shop/default may do its work in namespace shop"),
    ]
    # Each namespace's pull secrets are a matter of its own operator.
    assert results(found, "operator-secrets") == [
        ("OK", "service account shop/default may read the pull secrets of namespace shop")
    ]


def operator(*arguments: str) -> Operator:
    return Operator(
        kind="Deployment", namespace="system", name="c", account="c", image="", wanted=1, ready=1,
        arguments=("--leader-election", *arguments),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "leases"),
    [
        ((), ("pinnedrelease-controller",)),
        (("--lease-name", "mine"), ("mine",)),
        (("--lease-name=mine", "--shard=1/2"), ("mine-1-of-2",)),
        (("--lease-name=mine", "--shard=$(SHARD)/2"), ("mine-0-of-2", "mine-1-of-2")),
        (("--shard=$(SHARD)/$(COUNT)",), ()),
        (("--shard=2/2",), ()),
    ],
)
def test_leases_are_named_as_the_operator_names_them(
    arguments: tuple[str, ...], leases: tuple[str, ...]
) -> None:
    assert operator(*arguments).leases == leases


def test_the_lease_may_be_in_another_namespace() -> None:
    assert operator("--lease-namespace=other").lease_namespace == "other"
    assert operator("--lease-namespace=$(POD_NAMESPACE)").lease_namespace == "system"


def test_of_two_shards_the_one_that_owns_the_namespace_looks_after_it() -> None:
    first, second = operator("--shard=0/2"), operator("--shard", "1/2", "-n", "shop,billing")
    installed = Installed((first, second))
    is_first = Shard(0, 2).owns("shop")

    assert installed.of("shop") == [first if is_first else second]
    assert installed.rivals("shop") == ()
    assert second.scope == "Deployment system/c watches shop, billing in shard 1/2"
