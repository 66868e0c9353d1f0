"""What ``doctor`` asks about the operator's rights and its Lease: may it write, and does it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta

from pinnedrelease.cli.connection import Connection
from pinnedrelease.cli.doctor_operator import INSTALL, Operator
from pinnedrelease.cli.findings import Finding, fail, ok, warn
from pinnedrelease.cluster.access_reviews import LEASE_NEEDS, OPERATOR_NEEDS, AccessReviews
from pinnedrelease.core.lease import DURATION_S, Lease

OVERDUE = timedelta(seconds=2 * DURATION_S)
"""Clocks differ: a Lease is late only when it is late by more than another duration."""


async def check_operator_rights(
    connection: Connection, operator: Operator, namespace: str | None
) -> list[Finding]:
    """Whether the operator watches here and may do its work. Raises ClusterErrors."""
    watches = operator.watches
    if watches and namespace not in (None, *watches):
        text = f"{operator} watches {', '.join(watches)} alone, and not namespace {namespace}"
        return [fail("operator-rights", text, "give it another --namespace, with roles there")]
    reviews = AccessReviews(connection.session)
    account = (operator.namespace, operator.account)
    places = watches if namespace is None and watches else (namespace,)
    asked: list[tuple[str, Awaitable[bool]]] = [
        (str(one), reviews.account_may(account, one, place))
        for place in places
        for one in OPERATOR_NEEDS
    ]
    if operator.lease is not None:
        asked += [
            (
                f"{one} {operator.lease}",
                reviews.account_may(account, one, operator.namespace, operator.lease),
            )
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
    """Whether one of the operator's pods holds the Lease. Raises ClusterErrors."""
    if operator.lease is None:
        return []
    lease = await connection.reader.lease(operator.namespace, operator.lease)
    return [judge_leader(operator, lease, now)]


def judge_leader(operator: Operator, lease: Lease | None, now: datetime) -> Finding:
    """Without a holder that renews, nobody writes."""
    look = f"kubectl -n {operator.namespace} logs deploy/{operator.name}"
    name = f"Lease {operator.namespace}/{operator.lease}"
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
