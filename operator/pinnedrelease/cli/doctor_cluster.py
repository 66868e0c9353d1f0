"""What ``doctor`` asks the API server about the installation."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

from pinnedrelease.api import names
from pinnedrelease.api.crd import custom_resource_definition
from pinnedrelease.cli.connection import Connection
from pinnedrelease.cli.findings import Finding, fail, ok, skip, warn
from pinnedrelease.cli.output import program
from pinnedrelease.cluster.access_reviews import PERSON_NEEDS, AccessReviews
from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.errors import NotFound
from pinnedrelease.cluster.policies import InstalledPolicy, installed_policies

OLDEST = (1, 31)
"""Before it the API server drops ``selectableFields`` of the CRD."""
OLDEST_RUN = (1, 34)
"""The oldest that our tests have run on (docs/compatibility.md)."""
INSTALL_CRD = "pinrel crd | kubectl apply --server-side -f -"
_CRD = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{names.PLURAL}.{names.GROUP}"
_VERSION = re.compile(r"v?(\d+)\.(\d+)")


async def check_server(connection: Connection) -> list[Finding]:
    """Whether the API server answers, and is new enough. Raises ClusterErrors."""
    answer = await connection.session.get("/version")
    return [judge_version(connection.session.server, answer.optional_text("gitVersion") or "")]


def judge_version(server: str, version: str) -> Finding:
    """Whether a version is one that we know."""
    found = _VERSION.match(version)
    if found is None:
        return skip("api-server", f"its version {version!r} cannot be read")
    number = (int(found[1]), int(found[2]))
    if number < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return warn(
            "api-server", f"Kubernetes {version}; expected to work from {oldest} on", "upgrade"
        )
    text = f"{server} answers, Kubernetes {version}"
    if number < OLDEST_RUN:
        oldest = ".".join(map(str, OLDEST_RUN))
        text += f"; expected to work, and not run by our tests before {oldest}"
    return ok("api-server", text)


async def check_crd(connection: Connection) -> list[Finding]:
    """Whether the CRD is there, and that of this version. Raises ClusterErrors."""
    try:
        document = await connection.session.get(_CRD)
    except NotFound:
        return [fail("crd", "this cluster does not know PinnedReleases", INSTALL_CRD)]
    return [judge_crd(document)]


def judge_crd(document: Document) -> Finding:
    """Compare an installed CRD with the one of this program.

    Plain equality is enough: the API server adds defaults beside a schema, never inside one
    (apiextensions-apiserver, pkg/apis/apiextensions/v1/defaults.go).
    """
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
        return warn("crd", f"the CRD is older or newer than this {program()}", INSTALL_CRD)
    return ok("crd", f"{names.API_VERSION} is installed, of this version")


async def check_own_rights(connection: Connection, namespace: str | None) -> list[Finding]:
    """What the person may do. Raises ClusterErrors."""
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
        return [warn("your-rights", f"you may not: {'; '.join(missing)}", "ask for a role")]
    return [ok("your-rights", "you may use every command here")]


async def check_admission(connection: Connection) -> list[Finding]:
    """Which of our admission policies are installed, and whether anything binds them.

    Raises ClusterErrors.
    """
    found = [judge_policy(one) for one in await installed_policies(connection.session)]
    return found or [ok("admission", "none of our policies is installed (they are optional)")]


def judge_policy(policy: InstalledPolicy) -> Finding:
    """Without a binding a policy does nothing."""
    if policy.bindings:
        bindings = ", ".join(policy.bindings)
        return ok("admission", f"{policy.kind} {policy.name} is bound by {bindings}")
    return warn(
        "admission",
        f"{policy.kind} {policy.name} has no binding and does nothing",
        "apply its set again: kubectl apply --server-side -k manifests/admission/SET",
    )


def _schema_of(document: Document) -> Mapping[str, object] | None:
    for version in document.child("spec").children("versions"):
        if version.optional_text("name") == names.VERSION and version.values.get("served") is True:
            return version.child("schema").child("openAPIV3Schema").values
    return None
