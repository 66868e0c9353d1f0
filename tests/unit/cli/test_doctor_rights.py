"""What ``pinrel doctor`` says about rights that are missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from doctor_world import (
    ACCOUNT,
    OPERATORS,
    RELEASES,
    WEB,
    controller,
    examined,
    healthy,
    results,
    stored,
    web,
)
from objects import pinned_release
from pinnedrelease.cli.findings import Result


def denies(*denied: str) -> Callable[[Mapping[str, Any]], bool]:
    """Allows everything to everyone, except these (``verb resource``)."""

    def allows(spec: Mapping[str, Any]) -> bool:
        asked = spec["resourceAttributes"]
        return f"{asked['verb']} {asked['resource']}" not in denied

    return allows


async def test_rights_that_are_missing_are_named() -> None:
    found = await examined(healthy(), denies("patch pinnedreleases", "list pods"))

    of_operator = (
        "service account system/default may not in namespace shop: "
        "patch pinnedreleases/status.pinnedrelease.dev, list pods"
    )
    of_person = (
        "you may not: patch pinnedreleases.pinnedrelease.dev (promote, rollback, suspend); "
        "list pods (verify, where, init)"
    )
    assert results(found, "operator-rights", "your-rights") == [
        ("FAIL", of_operator),
        ("WARN", of_person),
    ]


async def test_an_operator_that_may_not_read_a_pull_secret_is_a_warning_with_the_command() -> None:
    found = await examined(healthy(), denies("get secrets"))

    (secrets,) = [one for one in found if one.check == "operator-secrets"]
    assert secrets.result is Result.WARN
    assert secrets.message == (
        "service account system/default may not in namespace shop: get secrets regcred; "
        "private registries do not answer the operator then"
    )
    assert secrets.fix == (
        "kubectl create rolebinding pinnedrelease-pull-secrets -n shop "
        "--clusterrole=pinnedrelease-pull-secrets --serviceaccount=system:default"
    )


async def test_an_operator_of_one_namespace_is_given_its_role_there() -> None:
    """Bound to a ClusterRole that is not there, it could read nothing, and nobody would say so."""
    own = controller("--namespace=$(POD_NAMESPACE)", namespace="shop")

    found = await examined({**healthy(), OPERATORS: {"items": [own]}}, denies("get secrets"))

    (secrets,) = [one for one in found if one.check == "operator-secrets"]
    assert secrets.fix == (
        "kubectl create rolebinding pinnedrelease-pull-secrets -n shop "
        "--role=pinnedrelease-pull-secrets --serviceaccount=shop:default"
    )


async def test_a_right_to_one_secret_by_its_name_is_enough() -> None:
    def allows(spec: Mapping[str, Any]) -> bool:
        asked = spec["resourceAttributes"]
        return bool(asked["resource"] != "secrets" or asked.get("name") == "regcred")

    found = await examined(healthy(), allows)

    assert results(found, "operator-secrets") == [
        ("OK", "service account system/default may read the pull secrets of namespace shop")
    ]


async def test_pull_secrets_of_the_service_account_need_the_right_to_read_that_account() -> None:
    account = {"imagePullSecrets": [{"name": "regcred"}]}
    answers = {**healthy(), WEB: web(), ACCOUNT: account}

    found = await examined(answers, denies("get serviceaccounts"))

    assert results(found, "operator-secrets")[0][1].startswith(
        "service account system/default may not in namespace shop: get serviceaccounts default;"
    )


@pytest.mark.parametrize(
    ("registry", "is_asked"),
    [({"check": "None"}, False), ({"secretRef": {"name": "own"}}, True), ({}, False)],
)
async def test_the_operators_right_to_secrets_counts_where_it_would_read_one(
    registry: dict[str, Any], *, is_asked: bool
) -> None:
    release = stored(pinned_release(registry=registry), status={"observedGeneration": 1})
    answers = {**healthy(), WEB: web(), ACCOUNT: {}, RELEASES: {"items": [release]}}

    found = await examined(answers)

    assert bool(results(found, "operator-secrets")) is is_asked
