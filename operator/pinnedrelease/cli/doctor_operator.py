"""What ``doctor`` asks about the operator: is it there, may it do its work, does it keep up."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pinnedrelease.cli.connection import Connection
from pinnedrelease.cli.findings import Finding, fail, ok, warn
from pinnedrelease.cluster import paths
from pinnedrelease.cluster.access_reviews import (
    MAY_GET_ACCOUNTS,
    MAY_GET_SECRETS,
    AccessReviews,
)
from pinnedrelease.cluster.document import Document
from pinnedrelease.core.lease import LEASE_NAME
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import TargetKind

SELECTOR = "app.kubernetes.io/name=pinnedrelease,app.kubernetes.io/component=controller"
GRACE = timedelta(seconds=30)
"""An operator that is there looks at a change within seconds; a restart takes some more."""
NAMES_SHOWN = 5
INSTALL = "kubectl apply --server-side -k examples/install"
SECRETS_ROLE = "pinnedrelease-pull-secrets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """An installed operator."""

    kind: str
    namespace: str
    name: str
    account: str
    image: str
    wanted: int
    ready: int
    arguments: tuple[str, ...] = ()

    @property
    def watches(self) -> tuple[str, ...]:
        """The namespaces that it watches; none: all of them."""
        given = [one.partition("=")[2] for one in self.arguments if one.startswith("--namespace=")]
        names = ",".join(given).replace("$(POD_NAMESPACE)", self.namespace).split(",")
        return tuple(name for name in names if name)

    @property
    def lease(self) -> str | None:
        """The Lease that it must hold to write; None where it needs none, or each shard has one."""
        is_sharded = any(one.startswith("--shard") for one in self.arguments)
        if "--leader-election" not in self.arguments or is_sharded:
            return None
        prefix = "--lease-name="
        given = [one.removeprefix(prefix) for one in self.arguments if one.startswith(prefix)]
        return given[-1] if given else LEASE_NAME

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A PinnedRelease, and when somebody wrote its spec last."""

    release: Release
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PullSources:
    """What the operator has to read in a namespace before it can ask private registries."""

    secrets: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()

    def __or__(self, other: PullSources) -> PullSources:
        return PullSources(
            secrets=self.secrets | other.secrets, accounts=self.accounts | other.accounts
        )


async def find_operator(connection: Connection) -> Operator | None:
    """The operator's workload, wherever it is. Raises ClusterErrors."""
    for kind in (TargetKind.DEPLOYMENT, TargetKind.STATEFUL_SET):
        path = paths.collection(paths.WORKLOADS[kind])
        page = await connection.session.get(path, {"labelSelector": SELECTOR})
        for found in page.children("items"):
            return _operator(str(kind), found)
    return None


def _operator(kind: str, found: Document) -> Operator:
    pod = found.child("spec").child("template").child("spec")
    container = next(pod.children("containers"), None)
    arguments = container.values.get("args") if container is not None else None
    return Operator(
        kind=kind,
        namespace=found.child("metadata").text("namespace"),
        name=found.child("metadata").text("name"),
        account=pod.optional_text("serviceAccountName") or "default",
        image=(container.optional_text("image") if container is not None else None) or "",
        wanted=found.child("spec").number("replicas", 1),
        ready=found.child("status").number("readyReplicas"),
        arguments=tuple(map(str, arguments)) if isinstance(arguments, list) else (),
    )


def judge_operator(operator: Operator | None, releases: Collection[Release]) -> list[Finding]:
    """Whether it is there and ready, and pinned itself.

    One that runs elsewhere, for example as a process, is known by what it has written.
    """
    if operator is None:
        text = f"no Deployment or StatefulSet has the labels {SELECTOR}"
        if releases and not any(_is_behind(one) for one in releases):
            count = len(releases)
            looked = f"an operator has looked at the newest spec of all {count} PinnedReleases"
            return [ok("operator", f"{text}, but {looked} here: it runs elsewhere")]
        return [warn("operator", f"{text}; it may run elsewhere", f"install it with: {INSTALL}")]
    look = f"kubectl -n {operator.namespace} logs {operator.kind.lower()}/{operator.name}"
    if operator.ready < max(1, operator.wanted):
        text = f"{operator}: {operator.ready} of {operator.wanted} replicas are ready"
        return [fail("operator", text, look)]
    found = [ok("operator", f"{operator}: {operator.ready} of {operator.wanted} ready")]
    if "@sha256:" not in operator.image:
        text = f"{operator} runs {operator.image}, which is not pinned itself"
        found.append(warn("operator-image", text, "set its image by digest"))
    return found


def written(document: Document, release: Release) -> Written:
    """When the spec was written last, as far as managedFields tell; else when it was created.

    Other writes by a field manager of the spec count too: then it looks younger than it is, and
    a warning comes later.
    """
    times = [
        entry.time("time")
        for entry in document.child("metadata").children("managedFields")
        if entry.child("fieldsV1").has("f:spec")
    ]
    return Written(
        release=release, at=max((one for one in times if one), default=release.created_at)
    )


def check_progress(releases: Sequence[Written], now: datetime) -> list[Finding]:
    """Whether an operator keeps up with what is declared."""
    behind = [
        str(one.release)
        for one in releases
        if _is_behind(one.release) and not one.release.deleting and now - one.at > GRACE
    ]
    if not behind:
        return []
    shown = ", ".join(behind[:NAMES_SHOWN])
    more = f" and {len(behind) - NAMES_SHOWN} more" if len(behind) > NAMES_SHOWN else ""
    text = f"no operator has looked at the newest spec of {shown}{more}"
    return [warn("progress", text, "see whether an operator runs and watches this namespace")]


async def check_operator_secrets(
    connection: Connection, operator: Operator, namespace: str, sources: PullSources
) -> list[Finding]:
    """Whether the operator may read the pull secrets of a namespace. Raises ClusterErrors.

    It does its work without them too, except for asking private registries.
    """
    reviews = AccessReviews(connection.session)
    account = (operator.namespace, operator.account)
    wanted = [(MAY_GET_SECRETS, name) for name in sorted(sources.secrets)]
    wanted += [(MAY_GET_ACCOUNTS, name) for name in sorted(sources.accounts)]
    answers = await asyncio.gather(
        *(reviews.account_may(account, what, namespace, name) for what, name in wanted)
    )
    missing = [f"{what} {one}" for (what, one), may in zip(wanted, answers, strict=True) if not may]
    who = f"service account {operator.namespace}/{operator.account}"
    if missing:
        text = f"{who} may not in namespace {namespace}: {', '.join(missing)}; private registries "
        text += "do not answer the operator then"
        allow = f"kubectl create rolebinding {SECRETS_ROLE} -n {namespace} "
        allow += f"--clusterrole={SECRETS_ROLE} "
        allow += f"--serviceaccount={operator.namespace}:{operator.account}"
        return [warn("operator-secrets", text, allow)]
    return [ok("operator-secrets", f"{who} may read the pull secrets of namespace {namespace}")]


def _is_behind(release: Release) -> bool:
    return release.status.observed_generation != release.generation
