"""All checks of ``pinrel doctor`` together: each stands alone."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from objects import DIGEST_A, REPOSITORY, deployment, pinned_release
from pinnedrelease.cli.doctor import Examination, exit_code
from pinnedrelease.cli.findings import Finding, Result
from pinnedrelease.cluster.errors import ClusterError, Forbidden, MalformedDocument, Unavailable
from scripted_cluster import (
    CRD,
    REVIEWS,
    Answer,
    ScriptedSession,
    installed_crd,
    scripted_connection,
)
from worlds import NOON

RELEASES = "/apis/pinnedrelease.dev/v1alpha1/namespaces/shop/pinnedreleases"
OPERATORS = "/apis/apps/v1/deployments"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
WEB = "/apis/apps/v1/namespaces/shop/deployments/web"
ACCOUNT = "/api/v1/namespaces/shop/serviceaccounts/default"
SECRET = "/api/v1/namespaces/shop/secrets"
HEALTHY = ["api-server", "crd", "releases", "operator", "operator-rights", "your-rights",
           "admission", "shop/web", "operator-secrets"]  # fmt: skip


def stored(manifest: Mapping[str, object], **more: object) -> dict[str, Any]:
    """A manifest as the API server gives it back."""
    name = dict(manifest)["metadata"]["name"]  # type: ignore[index]
    metadata = {
        "name": name,
        "namespace": "shop",
        "uid": f"uid-of-{name}",
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": NOON.isoformat(),
    }
    return {**manifest, "metadata": metadata, **more}


def web(**pod: object) -> dict[str, Any]:
    made = stored(deployment())
    made["spec"]["template"]["spec"] |= pod
    return made


def controller() -> dict[str, Any]:
    made = stored(deployment("controller", images={"c": f"x@{DIGEST_A}"}))
    made["metadata"]["namespace"] = "system"
    return {**made, "status": {"readyReplicas": 1}}


def healthy() -> dict[str, Answer]:
    release = stored(pinned_release(), status={"observedGeneration": 1})
    return {
        "/version": {"gitVersion": "v1.36.0"},
        CRD: installed_crd(),
        RELEASES: {"items": [release]},
        OPERATORS: {"items": [controller()]},
        f"{ADMISSION}/validatingadmissionpolicies": {"items": []},
        f"{ADMISSION}/mutatingadmissionpolicies": {"items": []},
        WEB: web(imagePullSecrets=[{"name": "regcred"}]),
        f"{SECRET}/regcred": {"type": "kubernetes.io/dockerconfigjson"},
    }


async def examined(
    answers: Mapping[str, Answer],
    allows: Callable[[Mapping[str, Any]], bool] = lambda _: True,
) -> list[Finding]:
    session = ScriptedSession(answers, allows)
    given = argparse.Namespace(all_namespaces=False, no_registry=True)
    return await Examination(given, scripted_connection(session), NOON).examine()


def results(found: list[Finding], *checks: str) -> list[tuple[str, str]]:
    return [(str(one.result), one.message) for one in found if not checks or one.check in checks]


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
