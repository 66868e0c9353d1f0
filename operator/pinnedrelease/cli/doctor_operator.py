"""What ``doctor`` asks about the operator: is it there, may it do its work, does it keep up."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pinnedrelease.cli.connection import Connection
from pinnedrelease.cli.findings import Finding, fail, ok, warn
from pinnedrelease.cli.installed import SELECTOR, Installed, Operator
from pinnedrelease.cluster.access_reviews import (
    MAY_GET_ACCOUNTS,
    MAY_GET_SECRETS,
    AccessReviews,
)
from pinnedrelease.cluster.document import Document
from pinnedrelease.core.observed import Release

GRACE = timedelta(seconds=30)
"""An operator that is there looks at a change within seconds; a restart takes some more."""
NAMES_SHOWN = 5
INSTALL = "kubectl apply --server-side -k examples/install"
SECRETS_ROLE = "pinnedrelease-pull-secrets"


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


def judge_operators(
    installed: Installed, namespace: str | None, releases: Collection[Release]
) -> list[Finding]:
    """Whether each namespace that is looked at has one operator, and that one is ready and pinned.

    One that runs elsewhere, for example as a process, is known by what it has written.
    """
    looked = _looked(releases)
    if not installed.operators:
        text = f"no Deployment or StatefulSet has the labels {SELECTOR}"
        if looked:
            return [ok("operator", f"{text}, but {looked} here: it runs elsewhere")]
        return [warn("operator", f"{text}; it may run elsewhere", f"install it with: {INSTALL}")]
    found = [one for each in installed.in_scope(namespace) for one in judge_operator(each)]
    places = sorted({one.namespace for one in releases} if namespace is None else {namespace})
    alone = [place for place in places if not installed.of(place)]
    if alone:
        found.append(
            _unwatched(installed, alone, [one for one in releases if one.namespace in alone])
        )
    return found + _rivals(installed, places)


def _unwatched(
    installed: Installed, places: Sequence[str], releases: Collection[Release]
) -> Finding:
    text = f"no operator watches {_namespaces(places)}: "
    text += "; ".join(one.scope for one in installed.operators)
    fix = "install one there, or give one of these another --namespace, with roles there"
    # One that watched here until lately would have left the same status.
    looked = _looked(releases)
    return warn("operator", f"{text}; but {looked}", fix) if looked else fail("operator", text, fix)


def _rivals(installed: Installed, places: Sequence[str]) -> list[Finding]:
    shared: dict[tuple[str, ...], list[str]] = {}
    for place in places:
        shared.setdefault(tuple(map(str, installed.rivals(place))), []).append(place)
    return [
        warn(
            "operator",
            f"{len(names)} operators may write in {_namespaces(where)} at the same time: "
            + ", ".join(names),
            "delete the one that is left over",
        )
        for names, where in shared.items()
        if names
    ]


def _looked(releases: Collection[Release]) -> str:
    """That somebody has looked at all of them; empty when not."""
    if not releases or any(_is_behind(one) for one in releases):
        return ""
    return f"an operator has looked at the newest spec of all {len(releases)} PinnedReleases"


def judge_operator(operator: Operator) -> list[Finding]:
    """Whether it is ready, and pinned itself."""
    look = f"kubectl -n {operator.namespace} logs {operator.kind.lower()}/{operator.name}"
    if not operator.is_ready:
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
    text = f"no operator has looked at the newest spec of {_first(behind)}"
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
        # Who was given one namespace alone has a Role there; everybody else has the ClusterRole.
        has_role = operator.watches == (namespace,) == (operator.namespace,)
        allow = f"kubectl create rolebinding {SECRETS_ROLE} -n {namespace} "
        allow += f"--{'role' if has_role else 'clusterrole'}={SECRETS_ROLE} "
        allow += f"--serviceaccount={operator.namespace}:{operator.account}"
        return [warn("operator-secrets", text, allow)]
    return [ok("operator-secrets", f"{who} may read the pull secrets of namespace {namespace}")]


def _namespaces(names: Sequence[str]) -> str:
    return f"namespace{'s' if len(names) > 1 else ''} {_first(names)}"


def _first(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMES_SHOWN])
    return f"{shown} and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else shown


def _is_behind(release: Release) -> bool:
    return release.status.observed_generation != release.generation
