"""What ``pinrel doctor`` says about one workload and the switches of its PinnedRelease."""

from __future__ import annotations

from dataclasses import replace

import pytest

from objects import DIGEST_A, DIGEST_B
from pinnedrelease.cli.doctor_workloads import other_tools, pull_policies, switches
from pinnedrelease.cli.findings import Finding, Result
from pinnedrelease.cluster.document import Document
from pinnedrelease.core.digest import DeclaredDigest
from pinnedrelease.core.pin import Override
from worlds import desired, release


def pod(policy: str | None) -> Document:
    container = {"name": "web", **({"imagePullPolicy": policy} if policy else {})}
    other = {"name": "other", "imagePullPolicy": "Never"}
    return Document.of({"containers": [container, other]})


@pytest.mark.parametrize(
    ("policy", "results"),
    [
        (None, []),
        ("IfNotPresent", []),
        ("Always", [Result.OK]),
        ("Never", [Result.WARN]),
    ],
)
def test_pull_policies_of_governed_containers_count(
    policy: str | None, results: list[Result]
) -> None:
    found = pull_policies("shop/web", pod(policy), frozenset({"web"}))

    assert [one.result for one in found] == results


def test_pull_policies_of_governed_init_containers_count_too() -> None:
    init = Document.of({"initContainers": [{"name": "web", "imagePullPolicy": "Never"}]})

    assert len(pull_policies("shop/web", init, frozenset({"web"}))) == 1


def test_other_tools_that_change_the_image_are_named() -> None:
    (found,) = other_tools("shop/web", {"keel.sh/policy": "all", "team": "web"})

    assert found == Finding(
        check="shop/web",
        result=Result.WARN,
        message="Keel is told to change this workload's image too (keel.sh/policy)",
        fix="take the annotation off, or set driftPolicy: Report",
    )


def test_a_suspension_and_an_override_in_force_are_a_warning_each() -> None:
    override = Override(
        digest=DeclaredDigest.parse(DIGEST_B),
        instead_of=DeclaredDigest.parse(DIGEST_A),
        reason="the new one leaks",
    )
    spec = desired(suspend=True, override=override)

    suspended, overridden = switches(replace(release(), spec=spec), spec)

    assert (suspended.result, overridden.result) == (Result.WARN, Result.WARN)
    assert suspended.fix.endswith("resume web -n shop")
    assert overridden.message == "an override is in force: the new one leaks"
    assert overridden.fix.endswith("clear-override web -n shop")


def test_an_override_that_has_ended_is_not_in_force() -> None:
    override = Override(
        digest=DeclaredDigest.parse(DIGEST_A),
        instead_of=DeclaredDigest.parse(DIGEST_B),
        reason="over",
    )
    spec = desired(override=override)

    assert switches(replace(release(), spec=spec), spec) == []
