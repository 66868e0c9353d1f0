"""What ``doctor`` asks the API server about the installation."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from pinnedrelease.api import names
from pinnedrelease.api.crd import custom_resource_definition
from pinnedrelease.cli.connection import Connection
from pinnedrelease.cli.findings import Finding, fail, ok, skip, warn
from pinnedrelease.cluster.access_reviews import (
    OPERATOR_NEEDS,
    PERSON_NEEDS,
    AccessReviews,
)
from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.errors import ClusterError, Forbidden, NotFound

OLDEST = (1, 31)
INSTALL_CRD = "pinrel crd | kubectl apply --server-side -f -"
SELECTOR = "app.kubernetes.io/name=pinnedrelease,app.kubernetes.io/component=controller"
PART_OF = "app.kubernetes.io/part-of=pinnedrelease"
_CRD = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{names.PLURAL}.{names.GROUP}"
_POLICIES = "/apis/admissionregistration.k8s.io"
_VERSION = re.compile(r"v?(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """An installed operator."""

    namespace: str
    name: str
    account: str
    image: str
    wanted: int
    ready: int

    def __str__(self) -> str:
        return f"Deployment {self.namespace}/{self.name}"


async def check_server(connection: Connection) -> Finding:
    """Whether the API server answers, and is new enough."""
    answer = await connection.session.get("/version")
    text = answer.optional_text("gitVersion") or ""
    found = _VERSION.match(text)
    if found is None:
        return skip("api-server", f"its version {text!r} cannot be read")
    if (int(found[1]), int(found[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return warn("api-server", f"Kubernetes {text}; tested from {oldest} on", "upgrade")
    return ok("api-server", f"{connection.session.server} answers, Kubernetes {text}")


async def check_crd(connection: Connection) -> Finding:
    """Whether the CRD is there, and that of this version."""
    try:
        document = await connection.session.get(_CRD)
    except NotFound:
        return fail("crd", "this cluster does not know PinnedReleases", INSTALL_CRD)
    return judge_crd(document)


def judge_crd(document: Document) -> Finding:
    """Compare an installed CRD with the one of this program."""
    conditions = {
        one.optional_text("type"): one.optional_text("status")
        for one in document.child("status").children("conditions")
    }
    if conditions.get("Established") != "True":
        return fail(
            "crd",
            "the CRD is not established",
            f"kubectl describe crd {names.PLURAL}.{names.GROUP}",
        )
    ours = _schema_of(Document.of(custom_resource_definition(), "CRD"))
    theirs = _schema_of(document)
    if ours is None or theirs is None:
        return fail("crd", f"the CRD does not serve {names.VERSION}", INSTALL_CRD)
    if ours != theirs:
        return warn(
            "crd", "the CRD is of another version of PinnedRelease than this program", INSTALL_CRD
        )
    return ok("crd", f"{names.API_VERSION} is installed, of this version")


async def find_operator(connection: Connection) -> Operator | None:
    """The operator's Deployment, wherever it is. Raises ClusterErrors."""
    page = await connection.session.get("/apis/apps/v1/deployments", {"labelSelector": SELECTOR})
    found = next(iter(page.children("items")), None)
    if found is None:
        return None
    pod = found.child("spec").child("template").child("spec")
    container = next(pod.children("containers"), None)
    return Operator(
        namespace=found.child("metadata").text("namespace"),
        name=found.child("metadata").text("name"),
        account=pod.optional_text("serviceAccountName") or "default",
        image=(container.optional_text("image") if container is not None else None) or "",
        wanted=found.child("spec").number("replicas", 1),
        ready=found.child("status").number("readyReplicas"),
    )


def judge_operator(operator: Operator | None) -> list[Finding]:
    """Whether it is there and ready, and pinned itself."""
    if operator is None:
        return [
            warn(
                "operator",
                f"no Deployment has the labels {SELECTOR}; it may run elsewhere",
                "install it with: kubectl apply --server-side -k manifests/base",
            )
        ]
    look = f"kubectl -n {operator.namespace} logs deploy/{operator.name}"
    if operator.ready < max(1, operator.wanted):
        text = f"{operator}: {operator.ready} of {operator.wanted} replicas are ready"
        return [fail("operator", text, look)]
    found = [ok("operator", f"{operator}: {operator.ready} of {operator.wanted} ready")]
    if "@sha256:" not in operator.image:
        text = f"{operator} runs {operator.image}, which is not pinned itself"
        found.append(warn("operator-image", text, "set its image by digest"))
    return found


async def check_own_rights(connection: Connection, namespace: str | None) -> Finding:
    """What the person may do."""
    reviews = AccessReviews(connection.session)
    answers = await asyncio.gather(
        *(reviews.i_may(permission, namespace) for permission in PERSON_NEEDS)
    )
    missing = [
        f"{permission} ({commands})"
        for (permission, commands), may in zip(PERSON_NEEDS.items(), answers, strict=True)
        if not may
    ]
    if missing:
        return warn("your-rights", f"you may not: {'; '.join(missing)}", "ask for a role")
    return ok("your-rights", "you may use every command here")


async def check_operator_rights(
    connection: Connection, operator: Operator, namespace: str | None
) -> Finding:
    """Whether the operator may do its work."""
    reviews = AccessReviews(connection.session)
    account = (operator.namespace, operator.account)
    answers = await asyncio.gather(
        *(reviews.account_may(account, one, namespace) for one in OPERATOR_NEEDS)
    )
    missing = [str(one) for one, may in zip(OPERATOR_NEEDS, answers, strict=True) if not may]
    where = f"in namespace {namespace}" if namespace else "in all namespaces"
    if missing:
        return fail(
            "operator-rights",
            f"service account {operator.account} may not {where}: {', '.join(missing)}",
            "apply the shipped roles again: kubectl apply --server-side -k manifests/base",
        )
    return ok("operator-rights", f"service account {operator.account} may do its work {where}")


async def check_admission(connection: Connection) -> Finding:
    """Which of our admission policies are installed."""
    found: list[str] = []
    async for kind, page in _policy_pages(connection):
        found += [f"{kind} {one.child('metadata').text('name')}" for one in page.children("items")]
    if not found:
        return ok("admission", "no policy of ours is installed (they are optional)")
    return ok("admission", f"installed: {', '.join(sorted(found))}")


async def _policy_pages(connection: Connection) -> AsyncIterator[tuple[str, Document]]:
    for kind, plural in (
        ("ValidatingAdmissionPolicy", "validatingadmissionpolicies"),
        ("MutatingAdmissionPolicy", "mutatingadmissionpolicies"),
    ):
        for version in ("v1", "v1beta1"):
            path = f"{_POLICIES}/{version}/{plural}"
            try:
                yield kind, await connection.session.get(path, {"labelSelector": PART_OF})
            except NotFound:
                continue
            break


def why(error: ClusterError) -> str:
    """The reason why a check could not be made, in few words."""
    return f"you may not ask ({error})" if isinstance(error, Forbidden) else str(error)


def _schema_of(document: Document) -> Mapping[str, object] | None:
    for version in document.child("spec").children("versions"):
        if version.optional_text("name") == names.VERSION:
            return version.child("schema").child("openAPIV3Schema").values
    return None
