"""What ``doctor`` asks about the operator's rights and its Lease: may it write, and does it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta

from pinnedrelease.cli.connection import Connection
from pinnedrelease.cli.doctor_operator import INSTALL
from pinnedrelease.cli.findings import Finding, fail, ok, warn
from pinnedrelease.cli.installed import Operator
from pinnedrelease.cluster.access_reviews import LEASE_NEEDS, OPERATOR_NEEDS, AccessReviews
from pinnedrelease.core.lease import DURATION_S, Lease

OVERDUE = timedelta(seconds=2 * DURATION_S)
"""Clocks differ: a Lease is late only when it is late by more than another duration."""


async def check_operator_rights(
    connection: Connection, operator: Operator, namespace: str | None
) -> list[Finding]:
    """Whether the operator may do its work, here or where it watches. Raises ClusterErrors."""
    watches = operator.watches
    reviews = AccessReviews(connection.session)
    account = (operator.namespace, operator.account)
    places = watches if namespace is None and watches else (namespace,)
    asked: list[tuple[str, Awaitable[bool]]] = [
        (str(one), reviews.account_may(account, one, place))
        for place in places
        for one in OPERATOR_NEEDS
    ]
    asked += [
        (f"{one} {lease}", reviews.account_may(account, one, operator.lease_namespace, lease))
        for lease in operator.leases
        for one in LEASE_NEEDS
    ]
    answers = await asyncio.gather(*(answer for _, answer in asked))
    missing = [what for (what, _), may in zip(asked, answers, strict=True) if not may]
    who = f"service account {operator.namespace}/{operator.account}"
    where = f"in {_namespaces(places)}"
    if missing:
        text = f"{who} may not {where}: {', '.join(missing)}"
        return [fail("operator-rights", text, f"apply the shipped roles again: {INSTALL}")]
    return [ok("operator-rights", f"{who} may do its work {where}")]


async def check_leader(connection: Connection, operator: Operator, now: datetime) -> list[Finding]:
    """Whether one of the operator's pods holds the Lease, of each shard. Raises ClusterErrors."""
    names = operator.leases
    leases = await asyncio.gather(
        *(connection.reader.lease(operator.lease_namespace, name) for name in names)
    )
    return [judge_leader(operator, *one, now) for one in zip(names, leases, strict=True)]


def judge_leader(
    operator: Operator, lease_name: str, lease: Lease | None, now: datetime
) -> Finding:
    """Without a holder that renews, nobody writes."""
    look = f"kubectl -n {operator.namespace} logs {operator.kind.lower()}/{operator.name}"
    name = f"Lease {operator.lease_namespace}/{lease_name}"
    if lease is None:
        return fail("leader", f"{name} does not exist: no operator has begun to write", look)
    if not lease.holder:
        return warn("leader", f"nobody holds {name} at this moment", "look again in some seconds")
    if lease.renewed_at is None or now - lease.renewed_at > OVERDUE:
        when = f"last at {lease.renewed_at:%Y-%m-%d %H:%M:%S} UTC" if lease.renewed_at else "never"
        text = f"{lease.holder} renewed {name} {when}: no operator writes"
        return fail("leader", text, look)
    return ok("leader", f"{lease.holder} holds {name}")


def _namespaces(places: tuple[str | None, ...]) -> str:
    names = [place for place in places if place is not None]
    if not names:
        return "all namespaces"
    return f"namespace{'s' if len(names) > 1 else ''} {', '.join(names)}"
