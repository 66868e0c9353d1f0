"""The judgements of ``pinrel doctor``."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from objects import DIGEST_A, REPOSITORY
from pinnedrelease.cli.doctor import exit_code
from pinnedrelease.cli.doctor_cluster import judge_crd, judge_policy, judge_version
from pinnedrelease.cli.doctor_operator import (
    GRACE,
    Written,
    check_progress,
    judge_operators,
    written,
)
from pinnedrelease.cli.doctor_releases import judge_registry, judge_rivals
from pinnedrelease.cli.findings import Finding, Result, fail, ok, skip, warn
from pinnedrelease.cli.installed import Installed, Operator
from pinnedrelease.cli.registry_access import Presence
from pinnedrelease.cluster.access_reviews import (
    LEASE_NEEDS,
    MAY_GET_ACCOUNTS,
    MAY_GET_SECRETS,
    OPERATOR_NEEDS,
    Permission,
)
from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.policies import with_bindings
from pinnedrelease.core.observed import Release
from pinnedrelease.core.status import Status
from scripted_cluster import installed_crd
from worlds import NOON, PIN_A, container, desired, release, workload

MANIFESTS = Path(__file__).parents[3] / "manifests" / "base"


@pytest.mark.parametrize(
    ("file", "checked"),
    [
        ("cluster-role.yaml", OPERATOR_NEEDS),
        ("leader-election-role.yaml", LEASE_NEEDS),
        ("pull-secrets-cluster-role.yaml", (MAY_GET_SECRETS, MAY_GET_ACCOUNTS)),
    ],
)
def test_the_rights_that_are_checked_are_those_that_are_shipped(
    file: str, checked: tuple[Permission, ...]
) -> None:
    shipped = {
        (group, resource, verb)
        for role in yaml.safe_load_all((MANIFESTS / file).read_text())
        for rule in role.get("rules", [])
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }

    assert {(one.group, one.resource, one.verb) for one in checked} == shipped


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ([], 0),
        ([ok("a", "x"), warn("b", "x")], 0),
        ([ok("a", "x"), skip("b", "x")], 3),
        ([skip("a", "x"), fail("b", "x", "y"), warn("c", "x")], 1),
    ],
)
def test_a_failure_is_1_and_what_could_not_be_looked_at_is_3(
    found: list[Finding], code: int
) -> None:
    assert exit_code(found) == code


@pytest.mark.parametrize(
    ("version", "result"),
    [
        ("v1.30.9", Result.WARN),
        ("v1.31.0", Result.OK),
        ("v1.34.0", Result.OK),
        ("v1.36.3-eks-ab12", Result.OK),
        ("v2.0.0", Result.OK),
        ("", Result.SKIP),
    ],
)
def test_kubernetes_is_expected_to_do_from_1_31_on(version: str, result: Result) -> None:
    assert judge_version("https://x", version).result is result


@pytest.mark.parametrize(("version", "is_told"), [("v1.33.9", True), ("v1.34.0", False)])
def test_a_version_that_our_tests_did_not_run_on_is_no_reason_to_upgrade(
    version: str, *, is_told: bool
) -> None:
    found = judge_version("https://x", version)

    assert found.fix == ""
    assert ("not run by our tests before 1.34" in found.message) is is_told


def with_older_schema() -> Document:
    crd = installed_crd()
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    del schema["properties"]["spec"]["properties"]["override"]
    return Document.of(crd)


def crd(established: str = "True", **version: object) -> Document:
    return Document.of(installed_crd(established, **version))


@pytest.mark.parametrize(
    ("document", "result", "words"),
    [
        (crd(), Result.OK, "of this version"),
        (crd("False"), Result.FAIL, "is not established"),
        (crd(name="v1"), Result.FAIL, "does not serve v1alpha1"),
        (crd(served=False), Result.FAIL, "does not serve v1alpha1"),
        (with_older_schema(), Result.WARN, "older or newer than this pinrel"),
        (crd(schema={"openAPIV3Schema": {}}), Result.WARN, "older or newer than this pinrel"),
    ],
)
def test_a_crd_is_compared_with_that_of_this_program(
    document: Document, result: Result, words: str
) -> None:
    found = judge_crd(document)

    assert found.result is result
    assert words in found.message
    assert found.fix or result is Result.OK


def operator(ready: int = 1, image: str = "ghcr.io/x/y@sha256:" + "a" * 64) -> Operator:
    return Operator(
        kind="Deployment",
        namespace="system",
        name="c",
        account="c",
        image=image,
        wanted=1,
        ready=ready,
    )


SEEN = release(status=Status(observed_generation=1))
UNSEEN = release()


@pytest.mark.parametrize(
    ("found", "releases", "results"),
    [
        (None, [], [Result.WARN]),
        (None, [SEEN, UNSEEN], [Result.WARN]),
        (None, [SEEN], [Result.OK]),
        (operator(), [], [Result.OK]),
        (operator(ready=0), [SEEN], [Result.FAIL]),
        (operator(image="ghcr.io/x/y:1"), [], [Result.OK, Result.WARN]),
    ],
)
def test_an_operator_has_to_be_ready_and_pinned_itself(
    found: Operator | None, releases: list[Release], results: list[Result]
) -> None:
    installed = Installed((found,) if found is not None else ())

    assert [one.result for one in judge_operators(installed, "shop", releases)] == results


def entry(seconds: float, field: str = "f:spec") -> dict[str, Any]:
    time = (NOON + timedelta(seconds=seconds)).isoformat()
    return {"manager": "x", "time": time, "fieldsV1": {field: {}}}


@pytest.mark.parametrize(
    ("entries", "at"),
    [
        ([], SEEN.created_at),
        ([{"manager": "x", "fieldsV1": {"f:spec": {}}}], SEEN.created_at),
        ([entry(-60), entry(-20), entry(-40)], NOON - timedelta(seconds=20)),
        ([entry(-60), entry(0, "f:status")], NOON - timedelta(seconds=60)),
        ([entry(-60), entry(0, "f:metadata")], NOON - timedelta(seconds=60)),
    ],
)
def test_the_last_write_of_a_spec_is_read_from_its_managed_fields(
    entries: list[dict[str, Any]], at: object
) -> None:
    assert written(Document.of({"metadata": {"managedFields": entries}}), SEEN).at == at


@pytest.mark.parametrize(
    ("of", "age", "is_told"),
    [
        (UNSEEN, GRACE, False),
        (UNSEEN, GRACE + timedelta(seconds=1), True),
        (SEEN, timedelta(days=1), False),
        (replace(UNSEEN, deleting=True), timedelta(days=1), False),
        # A restored backup: the status knows a generation that the object has not reached again.
        (replace(SEEN, status=Status(observed_generation=7)), timedelta(days=1), True),
    ],
)
def test_what_no_operator_has_looked_at_is_told_after_a_while(
    of: Release, age: timedelta, *, is_told: bool
) -> None:
    assert bool(check_progress([Written(release=of, at=NOON - age)], NOON)) is is_told


def test_of_many_that_nobody_looked_at_five_are_named() -> None:
    behind = [
        Written(release=replace(UNSEEN, name=f"web-{number}"), at=NOON - timedelta(hours=1))
        for number in range(7)
    ]

    (found,) = check_progress(behind, NOON)

    assert found.message == (
        "no operator has looked at the newest spec of shop/web-0, shop/web-1, shop/web-2, "
        "shop/web-3, shop/web-4 and 2 more"
    )


YOUNG = replace(UNSEEN, name="young", uid="b", created_at=NOON)
BOTH = (container(f"{REPOSITORY}:1.0"), container("x.example.com/helper:1", name="helper"))


def test_two_that_want_one_container_are_told_though_the_status_of_one_names_none() -> None:
    older = replace(UNSEEN, status=Status(containers=("web",)))

    (found,) = judge_rivals([YOUNG, older], workload(*BOTH))

    assert (found.check, found.message) == (
        "conflict",
        "shop/web, shop/young all want container web of Deployment/web; the oldest, web, has it",
    )


def test_two_with_a_container_each_are_no_conflict() -> None:
    mine = replace(UNSEEN, spec=desired(containers=("web",)))
    yours = replace(YOUNG, spec=desired(containers=("helper",)))

    assert judge_rivals([mine, yours], workload(*BOTH)) == []


@pytest.mark.parametrize(
    ("presence", "result", "words"),
    [
        (Presence(is_there=True, tag_digest=None), Result.OK, "x answers this machine"),
        (
            Presence(is_there=None, tag_digest=None, trouble="x: 401"),
            Result.WARN,
            f"x does not tell this machine about {REPOSITORY}: x: 401",
        ),
        (
            Presence(is_there=False, tag_digest=None),
            Result.WARN,
            f"x tells this machine that {REPOSITORY} has no {DIGEST_A}",
        ),
    ],
)
def test_a_registry_is_judged_as_seen_from_this_machine(
    presence: Presence, result: Result, words: str
) -> None:
    found = judge_registry("x", PIN_A, presence)

    assert (found.result, found.message) == (result, words)


def binding(name: str, policy: str, *actions: str) -> Document:
    spec = {"policyName": policy, **({"validationActions": list(actions)} if actions else {})}
    return Document.of({"metadata": {"name": name}, "spec": spec})


def test_a_policy_is_told_with_its_bindings_and_one_without_any_is_a_warning() -> None:
    bindings = [
        binding("watch", "deny", "Warn", "Audit"),
        binding("hold", "deny", "Deny"),
        binding("other", "foreign"),
    ]

    found = list(map(judge_policy, with_bindings("Policy", ["pin", "deny"], bindings)))

    assert [(one.result, one.message) for one in found] == [
        (Result.OK, "Policy deny is bound by hold (Deny), watch (Warn, Audit)"),
        (Result.WARN, "Policy pin has no binding and does nothing"),
    ]
    (mutating,) = with_bindings("Policy", ["pin"], [binding("here", "pin")])
    assert judge_policy(mutating).message == "Policy pin is bound by here"
