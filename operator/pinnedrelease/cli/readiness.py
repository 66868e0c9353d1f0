"""Whether a PinnedRelease runs what it declares, by its own status."""

from __future__ import annotations

import asyncio

from pinnedrelease.cli.connection import Connection
from pinnedrelease.cli.errors import CannotTell, CommandError
from pinnedrelease.cli.output import progress, say
from pinnedrelease.cluster.errors import Unavailable
from pinnedrelease.core.conditions import ConditionStatus, ConditionType, find
from pinnedrelease.core.digest import DeclaredDigest
from pinnedrelease.core.history import RevisionResult
from pinnedrelease.core.messages import pair
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import DesiredPin

POLL_S = 0.5


def unready_because(release: Release, spec: DesiredPin) -> str | None:
    """Why it cannot be said that the declared pair runs; None when it does."""
    status = release.status
    if status.observed_generation != release.generation:
        return "no operator has looked at its newest spec yet"
    if status.effective is not None and status.effective.pin != spec.pin:
        return f"{pair(status.effective.pin)} is in force instead ({status.effective.source})"
    ready = find(status.conditions, ConditionType.READY)
    if ready is None or ready.status is not ConditionStatus.TRUE:
        return f"{ready.reason}: {ready.message}" if ready is not None else "it has no status yet"
    head = status.history.head
    if head is None or head.pin != spec.pin or head.result is not RevisionResult.SUCCEEDED:
        if wants_no_pods(release):
            return "no pods are wanted now, so nobody knows whether it starts"
        return f"its rollout has not been recorded as succeeded ({ready.reason})"
    return None


def wants_no_pods(release: Release) -> bool:
    """Whether the workload is scaled to zero: then waiting shows nothing."""
    ready = find(release.status.conditions, ConditionType.READY)
    is_at_rest = ready is not None and ready.status is ConditionStatus.TRUE
    return is_at_rest and (release.status.pod_summary or "").endswith("/0")


async def wait_until_ready(
    connection: Connection, name: str, digest: DeclaredDigest, timeout_s: float
) -> None:
    """Return when this digest is declared and runs.

    Raises CommandError when another one is declared meanwhile, when it is stalled, or time is up,
    and CannotTell when time is up while the API server does not answer (until then it is asked
    again), or no pods are wanted.
    """
    told, is_silent = "it has not answered yet", True
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    release = await connection.release(name)
                except Unavailable as error:
                    told, is_silent = str(error), True
                    await asyncio.sleep(POLL_S)
                    continue
                is_silent = False
                if not isinstance(release.spec, DesiredPin):
                    raise CommandError(f"{release} has an invalid spec")
                if release.spec.pin.digest != digest:
                    raise CommandError(
                        f"somebody has declared {pair(release.spec.pin)} in {release} meanwhile, "
                        f"so whether {digest} would have run cannot be told"
                    )
                problem = unready_because(release, release.spec)
                if problem is None:
                    say(f"{release} runs {pair(release.spec.pin)}")
                    return
                is_looked_at = release.status.observed_generation == release.generation
                if is_looked_at and wants_no_pods(release):
                    raise CannotTell(f"{release} declares {pair(release.spec.pin)}, but {problem}")
                stalled = find(release.status.conditions, ConditionType.STALLED)
                if stalled is not None and stalled.status is ConditionStatus.TRUE and is_looked_at:
                    raise CommandError(f"{release} is stalled: {stalled.reason}: {stalled.message}")
                if problem != told:
                    progress(problem)
                    told = problem
                await asyncio.sleep(POLL_S)
    except TimeoutError as error:
        what = f"{connection.namespace}/{name}"
        raise _too_late(what, timeout_s, told, is_silent=is_silent) from error


def _too_late(what: str, timeout_s: float, told: str, *, is_silent: bool) -> CommandError:
    if is_silent:
        return CannotTell(
            f"whether {what} runs it after {timeout_s:g} s is not known: the API server does not "
            f"answer: {told}"
        )
    return CommandError(f"{what} does not run it after {timeout_s:g} s: {told}")
