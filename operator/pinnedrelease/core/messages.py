"""Every sentence that a user reads in the status or in an event: the fact, then the next step."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pinnedrelease.core.gitops_tools import HELP, gitops_tool
from pinnedrelease.core.observed import RefusalKind
from pinnedrelease.core.pin import Pin, Target
from pinnedrelease.core.workload import Container

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pinnedrelease.core.fights import Fight
    from pinnedrelease.core.history import Revision
    from pinnedrelease.core.observed import Refusal


def pair(pin: Pin) -> str:
    """The short form of a pair: ``1.4.2 (sha256:3f29a8c1d8e2)``."""
    return f"{pin.tag} (sha256:{pin.digest.short})"


def duration(length: timedelta) -> str:
    """As one writes it in a spec: ``10m``, ``1m30s``."""
    minutes, seconds = divmod(length.total_seconds(), 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{count:g}{unit}" for count, unit in parts if count) or "0s"


def invalid_spec(problems: tuple[str, ...]) -> str:
    """A stored spec breaks a rule."""
    return "nothing is written until the spec is corrected: " + "; ".join(problems)


def waiting_for_target(target: Target, namespace: str) -> str:
    """The target is not there yet."""
    return f"waiting for {target} to appear in namespace {namespace}"


def target_not_found(target: Target, namespace: str) -> str:
    """The target did not appear in time."""
    return (
        f"{target} does not exist in namespace {namespace}; create it, or create another "
        "PinnedRelease whose targetRef names an existing workload"
    )


def container_not_found(
    target: Target, pin: Pin, missing: tuple[str, ...], present: tuple[tuple[str, str], ...]
) -> str:
    """No container to govern, or a named one is missing."""
    listing = ", ".join(f"{name} ({image})" for name, image in present)
    if missing:
        names = ", ".join(missing)
        return f"{target} has no container {names}; correct spec.containers, it has: {listing}"
    return (
        f"no container of {target} uses repository {pin.spelling}; name the containers in "
        f"spec.containers, it has: {listing}"
    )


def conflict(contested: Sequence[str], winner: str) -> str:
    """An older pin governs the container."""
    names = ", ".join(contested)
    return (
        f"container {names} is governed by the older PinnedRelease {winner}; delete one of the "
        "two or give them different spec.containers"
    )


def stale_read() -> str:
    """A newer generation has already been applied."""
    return "a newer generation of this object has been applied already; reading again"


def write_refused(target: Target, refusal: Refusal) -> str:
    """The API server does not accept our write, or does not store it as it is."""
    if refusal.kind is RefusalKind.FAILED:
        return (
            f"what the operator writes to {target} does not get through: {refusal.message}; look "
            "at the admission webhooks, which have to answer within 5 s, and at the API server"
        )
    if refusal.kind is RefusalKind.REWRITTEN:
        return (
            f"an admission webhook or policy rewrites what the operator writes to {target}: "
            f"{refusal.message}; exempt {target} from it, or declare the repository and digest "
            "that it stores"
        )
    return (
        f"the API server refuses to let the operator write {target}: {refusal.message}; check "
        "the operator's RBAC and the cluster's admission policies"
    )


def stored_otherwise(container: Container, pin: Pin) -> str:
    """The API server took our write and stored another image."""
    return f"container {container.name} was stored with {container.image} instead of {pin.image}"


def drift_loop(target: Target, fight: Fight) -> str:
    """Somebody keeps undoing our corrections."""
    opponent = fight.opponent or "somebody"
    tool = gitops_tool(opponent)
    who = f"{tool.name} (field manager {opponent})" if tool else opponent
    remedy = tool.remedy if tool else f"Let {opponent} leave the image alone"
    page = tool.page if tool else HELP
    pace = (
        f"corrections are slowed down to one in {fight.hold_s:.0f} s"
        if fight.hold_s
        else "it is put right again each time"
    )
    return (
        f"{who} keeps changing the image of {target}; {pace}. {remedy}, or set "
        f"driftPolicy: Report ({page})"
    )


def drift(container: Container, pin: Pin) -> str:
    """What differs, and who made it differ."""
    return (
        f"container {container.name}: {container.image} instead of {pin.reference} "
        f"(by {container.actor})"
    )


def drifted_report_only(container: Container, pin: Pin) -> str:
    """Drift that is only reported."""
    return f"{drift(container, pin)}; driftPolicy is Report, so nothing is written"


def suspended_drifted(container: Container, pin: Pin) -> str:
    """Drift while suspended."""
    return f"{drift(container, pin)}; suspended, so nothing is written"


def drift_being_corrected(container: Container, pin: Pin) -> str:
    """Drift that this pass puts right."""
    return f"{drift(container, pin)}; put right, pods follow"


def drift_corrected_pods_follow() -> str:
    """The template is right again, its pods are not all replaced yet."""
    return "the template has been put right, its pods are still being replaced"


def no_drift() -> str:
    """Nothing differs."""
    return "every governed container has the declared digest"


def not_written_yet(pin: Pin, differing: int, governed: int) -> str:
    """A new pair has not got into the workload: that is work, not drift."""
    return (
        f"no drift: {pair(pin)} is new, and {differing} of {governed} containers have not got it "
        "yet; Ready says why"
    )


def drift_not_checked() -> str:
    """There is nothing to compare."""
    return "there is no target to compare with"


def suspended() -> str:
    """Nothing is written while suspended."""
    return "suspended: drift is reported, nothing is written"


def change_cause(release_name: str, revision: Revision) -> str:
    """The text that ``kubectl rollout history`` shows for the workload."""
    pin = revision.pin
    return f"{release_name} {pin.tag} sha256:{pin.digest.short} rev {revision.number}"


def revision_pinned(target: Target, revision: Revision) -> str:
    """A new pair was written to the workload."""
    return f"{target} is pinned to {revision.pin.reference} (revision {revision.number})"


def drift_event(subject: str, observed: str, expected: str, actor: str) -> str:
    """Drift was found."""
    return f"{subject}: {observed} instead of {expected} (by {actor})"


def drift_corrected_event(subject: str, expected: str, actor: str) -> str:
    """Drift was put right."""
    return f"{subject}: back to {expected} (had been changed by {actor})"


def resumed() -> str:
    """Writing goes on."""
    return "resumed: drift is put right again"
