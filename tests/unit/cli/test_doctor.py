"""The judgements of ``pinrel doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pinnedrelease.api.crd import custom_resource_definition
from pinnedrelease.cli.doctor_cluster import Operator, judge_crd, judge_operator
from pinnedrelease.cli.doctor_releases import other_tools, pull_policies
from pinnedrelease.cli.findings import Finding, Result
from pinnedrelease.cluster.access_reviews import OPERATOR_NEEDS
from pinnedrelease.cluster.document import Document

ROLE = Path(__file__).parents[3] / "manifests" / "base" / "cluster-role.yaml"


def test_the_rights_that_are_checked_are_those_that_are_shipped() -> None:
    shipped = {
        (group, resource, verb)
        for rule in yaml.safe_load(ROLE.read_text())["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }

    assert {(one.group, one.resource, one.verb) for one in OPERATOR_NEEDS} == shipped


def installed(established: str = "True", **version: object) -> Document:
    crd: Any = custom_resource_definition()
    crd["spec"]["versions"][0] |= version
    conditions = [{"type": "Established", "status": established}]
    return Document.of({**crd, "status": {"conditions": conditions}})


@pytest.mark.parametrize(
    ("document", "result", "words"),
    [
        (installed(), Result.OK, "of this version"),
        (installed("False"), Result.FAIL, "is not established"),
        (installed(name="v1"), Result.FAIL, "does not serve v1alpha1"),
        (installed(schema={"openAPIV3Schema": {}}), Result.WARN, "of another version"),
    ],
)
def test_a_crd_is_compared_with_that_of_this_program(
    document: Document, result: Result, words: str
) -> None:
    found = judge_crd(document)

    assert found.result is result
    assert words in found.message


def operator(ready: int = 1, image: str = "ghcr.io/x/y@sha256:" + "a" * 64) -> Operator:
    return Operator(namespace="system", name="c", account="c", image=image, wanted=1, ready=ready)


@pytest.mark.parametrize(
    ("found", "results"),
    [
        (None, [Result.WARN]),
        (operator(), [Result.OK]),
        (operator(ready=0), [Result.FAIL]),
        (operator(image="ghcr.io/x/y:1"), [Result.OK, Result.WARN]),
    ],
)
def test_an_operator_has_to_be_ready_and_pinned_itself(
    found: Operator | None, results: list[Result]
) -> None:
    assert [one.result for one in judge_operator(found)] == results


def pod(policy: str | None) -> Document:
    container = {"name": "web", **({"imagePullPolicy": policy} if policy else {})}
    other = {"name": "other", "imagePullPolicy": "Never"}
    return Document.of({"containers": [container, other]})


@pytest.mark.parametrize(
    ("policy", "results"),
    [
        (None, []),
        ("IfNotPresent", []),
        ("Always", [Result.WARN]),
        ("Never", [Result.FAIL]),
    ],
)
def test_pull_policies_of_governed_containers_count(
    policy: str | None, results: list[Result]
) -> None:
    found = pull_policies("shop/web", pod(policy), frozenset({"web"}))

    assert [one.result for one in found] == results


def test_other_tools_that_change_the_image_are_named() -> None:
    (found,) = other_tools("shop/web", {"keel.sh/policy": "all", "team": "web"})

    assert found == Finding(
        check="shop/web",
        result=Result.WARN,
        message="Keel is told to change this workload's image too (keel.sh/policy)",
        fix="take the annotation off, or set driftPolicy: Report",
    )
