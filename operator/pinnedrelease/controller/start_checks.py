"""What must be so before an operator can work: asked once, told in a line that says what to do."""

from __future__ import annotations

import asyncio
import logging

from pinnedrelease.api import names
from pinnedrelease.cluster import paths
from pinnedrelease.cluster.access_reviews import OPERATOR_NEEDS, AccessReviews, Permission
from pinnedrelease.cluster.errors import ClusterError, NotFound
from pinnedrelease.cluster.session import Session
from pinnedrelease.core.errors import PinnedReleaseError

log = logging.getLogger(__name__)

ALWAYS = frozenset({"list", "watch"})
MAY_BE_MISSING = frozenset({"pods"})
"""Without them a status says less; everything else that is watched must be."""


class CannotStart(PinnedReleaseError):
    """Something is missing without which this process would only fail again and again."""


async def check_start(session: Session, namespaces: tuple[str, ...]) -> None:
    """Raises CannotStart. An API server that does not answer is waited for elsewhere."""
    try:
        await session.get(f"{paths.RELEASES.root}")
    except NotFound as error:
        raise CannotStart(
            f"this cluster does not know {names.KIND}s ({names.API_VERSION}): install the CRD with "
            "kubectl apply --server-side -k crds, or apply your installation again"
        ) from error
    except ClusterError as error:
        log.warning("start not checked", extra={"error": str(error)})
        return
    try:
        await _check_rights(session, namespaces)
    except ClusterError as error:
        log.warning("rights not checked", extra={"error": str(error)})


async def _check_rights(session: Session, namespaces: tuple[str, ...]) -> None:
    reviews = AccessReviews(session)
    asked = [(one, place) for place in namespaces or (None,) for one in OPERATOR_NEEDS]
    answers = await asyncio.gather(*(reviews.i_may(one, place) for one, place in asked))
    missing = [what for what, may in zip(asked, answers, strict=True) if not may]
    vital = [what for what in missing if _is_vital(what[0])]
    if vital:
        raise CannotStart(
            f"this account may not {_listed(vital)}: apply your installation again, or the roles "
            "of manifests/base (of manifests/overlays/single-namespace with --namespace)"
        )
    if missing:
        log.warning("rights are missing", extra={"missing": _listed(missing)})


def _is_vital(permission: Permission) -> bool:
    """Whether a watch needs it that cannot be left out."""
    is_watched = permission.resource in {
        kind.plural for kind in (paths.RELEASES, paths.PODS, *paths.WORKLOADS.values())
    }
    return is_watched and permission.verb in ALWAYS and permission.resource not in MAY_BE_MISSING


def _listed(missing: list[tuple[Permission, str | None]]) -> str:
    return ", ".join(
        f"{permission} in {f'namespace {place}' if place else 'all namespaces'}"
        for permission, place in missing
    )
