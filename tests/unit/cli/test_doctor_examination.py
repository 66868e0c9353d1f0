"""All checks of ``pinrel doctor`` together: each stands alone."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import pytest

from doctor_world import (
    ACCOUNT,
    ADMISSION,
    OPERATORS,
    RELEASES,
    SECRET,
    WEB,
    examined,
    healthy,
    results,
    stored,
    web,
)
from objects import REPOSITORY, pinned_release
from pinnedrelease.cli.doctor import Examination, exit_code
from pinnedrelease.cli.findings import Result
from pinnedrelease.cluster.errors import ClusterError, Forbidden, MalformedDocument, Unavailable
from scripted_cluster import (
    CRD,
    REVIEWS,
    ScriptedSession,
    installed_crd,
    scripted_connection,
)
from worlds import NOON

HEALTHY = ["api-server", "crd", "releases", "operator", "operator-rights", "your-rights",
           "admission", "shop/web", "operator-secrets"]  # fmt: skip


async def test_in_a_healthy_cluster_every_check_is_ok() -> None:
    found = await examined(healthy())

    assert [one.check for one in found] == HEALTHY
    assert {one.result for one in found} == {Result.OK}


async def test_the_whole_cluster_is_looked_at_with_rights_for_all_of_it() -> None:
    answers = healthy()
    answers[RELEASES.replace("/namespaces/shop", "")] = answers.pop(RELEASES)
    asked: list[Mapping[str, Any]] = []

    def allows(spec: Mapping[str, Any]) -> bool:
        asked.append(spec["resourceAttributes"])
        return True

    session = ScriptedSession(answers, allows)
    given = argparse.Namespace(all_namespaces=True, no_registry=True)
    found = await Examination(given, scripted_connection(session), NOON).examine()

    assert [one.check for one in found] == HEALTHY
    assert results(found, "releases") == [("OK", "1 to look at in all namespaces")]
    # Only the pull secrets are a matter of one namespace.
    assert {one["resource"] for one in asked if "namespace" in one} == {"secrets"}


# What fails, the check that could not be made, and the checks that need its answer.
BROKEN = [
    ("/version", "api-server", set()),
    (CRD, "crd", set()),
    (RELEASES, "releases", {"shop/web", "operator-secrets"}),
    (OPERATORS, "operator", {"operator-rights", "operator-secrets"}),
    (f"{REVIEWS}/selfsubjectaccessreviews", "your-rights", set()),
    (f"{ADMISSION}/validatingadmissionpolicies", "admission", set()),
    (WEB, "shop/web", {"operator-secrets"}),
    (f"{SECRET}/regcred", "shop/web", set()),
]  # fmt: skip


@pytest.mark.parametrize("error", [Forbidden("no"), Unavailable("silent"), MalformedDocument("?")])
@pytest.mark.parametrize(("path", "check", "needing"), BROKEN, ids=[one[0] for one in BROKEN])
async def test_a_check_that_cannot_be_made_leaves_the_others_alone(
    path: str, check: str, needing: set[str], error: ClusterError
) -> None:
    found = await examined({**healthy(), path: error})

    assert [one.check for one in found] == [one for one in HEALTHY if one not in needing]
    assert {one.check: one.result for one in found if one.result is not Result.OK} == {
        check: Result.SKIP
    }
    assert exit_code(found) == 3


async def test_a_server_that_gives_no_answer_is_asked_twice_and_everything_is_skipped() -> None:
    session = ScriptedSession({"/version": Unavailable("silent"), CRD: Unavailable("silent")})
    given = argparse.Namespace(all_namespaces=False, no_registry=False)

    found = await Examination(given, scripted_connection(session), NOON).examine()

    assert session.asked == ["/version", CRD]
    assert [one.check for one in found] == [
        "api-server", "crd", "releases", "operator", "your-rights", "admission",
    ]  # fmt: skip
    assert {one.result for one in found} == {Result.SKIP}
    assert found[0].message == "not checked: silent"
    assert found[-1].message == "not checked: the requests before had no usable answer"


async def test_without_the_crd_that_is_the_failure() -> None:
    answers = healthy()
    del answers[CRD], answers[RELEASES]

    found = await examined(answers)

    assert exit_code(found) == 1
    assert results(found, "crd", "releases") == [
        ("FAIL", "this cluster does not know PinnedReleases"),
        ("SKIP", "not checked: this cluster does not know PinnedReleases"),
    ]


async def test_an_older_crd_is_a_warning_with_the_command_to_renew_it() -> None:
    older = installed_crd()
    schema = older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    del schema["properties"]["spec"]["properties"]["override"]

    found = await examined({**healthy(), CRD: older})

    (crd,) = [one for one in found if one.check == "crd"]
    assert (crd.result, crd.fix) == (
        Result.WARN,
        "pinrel crd | kubectl apply --server-side -f -",
    )


async def test_each_pull_secret_is_judged_for_itself() -> None:
    named = [{"name": "missing"}, {"name": "closed"}, {"name": "opaque"}, {"name": "regcred"}]
    answers = {
        **healthy(),
        WEB: web(imagePullSecrets=named),
        f"{SECRET}/closed": Forbidden("no"),
        f"{SECRET}/opaque": {"type": "Opaque"},
    }

    found = await examined(answers)

    assert results(found, "shop/web") == [
        ("FAIL", "pull secret missing does not exist"),
        ("SKIP", "not checked: pull secret closed: you may not read it"),
        ("WARN", "pull secret opaque is of type Opaque: nodes do not use it"),
    ]


async def test_a_note_stands_beside_what_is_ok() -> None:
    container = {"name": "web", "image": f"{REPOSITORY}:1", "imagePullPolicy": "Always"}
    answers = {**healthy(), WEB: web(containers=[container]), ACCOUNT: {}}

    found = await examined(answers)

    note = (
        "container web has imagePullPolicy Always: it asks the registry at each start; "
        "IfNotPresent is enough with a digest"
    )
    assert results(found, "shop/web") == [
        ("OK", "Deployment/web can be kept on 1.0"),
        ("OK", note),
    ]


async def test_policies_are_found_in_the_version_that_the_server_has() -> None:
    beta = ADMISSION.replace("/v1", "/v1beta1")
    answers = healthy()
    del answers[f"{ADMISSION}/mutatingadmissionpolicies"]
    answers[f"{beta}/mutatingadmissionpolicies"] = {"items": [{"metadata": {"name": "pin"}}]}
    bindings = {"items": [{"metadata": {"name": "here"}, "spec": {"policyName": "pin"}}]}
    answers[f"{beta}/mutatingadmissionpolicybindings"] = bindings

    found = await examined(answers)

    assert results(found, "admission") == [("OK", "MutatingAdmissionPolicy pin is bound by here")]


async def test_two_on_one_container_are_told_by_what_the_workload_has() -> None:
    seen = {"observedGeneration": 1}
    items = [stored(pinned_release(name), status=seen) for name in ("web", "zweb")]

    found = await examined({**healthy(), RELEASES: {"items": items}})

    ((result, message),) = results(found, "conflict")
    assert result == "WARN"
    assert message.startswith("shop/web, shop/zweb all want container web of Deployment/web")
