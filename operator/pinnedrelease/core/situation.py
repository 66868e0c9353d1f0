"""What the observed facts mean: which containers are governed, which differ, may we write."""

from __future__ import annotations

from dataclasses import dataclass

from pinnedrelease.core import marks
from pinnedrelease.core.effective import effective_pin
from pinnedrelease.core.history import RevisionResult
from pinnedrelease.core.observed import Instant, Observed, Release
from pinnedrelease.core.pin import DesiredPin, DriftPolicy, EffectivePin, RejectedDigest
from pinnedrelease.core.pods import PodReport, digests_in, report_pods
from pinnedrelease.core.proof import Proof, learn
from pinnedrelease.core.selection import Selection, select_containers
from pinnedrelease.core.workload import Container, Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A valid spec beside an existing target."""

    desired: DesiredPin
    effective: EffectivePin
    workload: Workload
    selection: Selection
    winner: Release | None
    """The older PinnedRelease that governs some of our containers, or None."""
    contested: frozenset[str]
    governed: tuple[Container, ...]
    differing: tuple[Container, ...]
    is_new_pair: bool
    """The pair is not yet known to have reached the workload: a difference is work, not drift."""

    @property
    def writes_allowed(self) -> bool:
        """Whether the user lets us write at all."""
        return self.desired.drift_policy is DriftPolicy.CORRECT and not self.desired.suspend

    @property
    def rejection(self) -> RejectedDigest | None:
        """Why the pair in force must not be rolled out, or None."""
        return self.desired.rejection_of(self.effective.pin.digest)

    @property
    def has_drifted(self) -> bool:
        """The workload differs, and not because a new pair has yet to be rolled out by us."""
        return bool(self.differing) and not (self.is_new_pair and self.writes_allowed)


def assess(observed: Observed) -> Situation | None:
    """The situation, or None when the spec is invalid or the target is not there."""
    release, workload = observed.release, observed.workload
    if not isinstance(release.spec, DesiredPin) or workload is None or workload.deleting:
        return None
    effective = effective_pin(release.spec, release.status, release.generation)
    selection = select_containers(release.spec, effective.pin, release.status.containers, workload)
    winner, contested = _contest(observed, selection, workload)
    governed = workload.named(selection.names - contested)
    head = release.status.history.head
    is_new_pair = head is None or head.pin != effective.pin or head.result is RevisionResult.PLANNED
    return Situation(
        desired=release.spec,
        effective=effective,
        workload=workload,
        selection=selection,
        winner=winner,
        contested=contested,
        governed=governed,
        differing=tuple(one for one in governed if not effective.pin.is_run_by(one.image)),
        is_new_pair=is_new_pair,
    )


def may_write(observed: Observed, situation: Situation, now: Instant) -> bool:
    """Whether a write is due and nothing holds it back."""
    if not situation.governed or not situation.writes_allowed or situation.rejection is not None:
        return False
    if is_fenced_off(observed, situation) or held_back_s(observed, now) > 0:
        return False
    return is_due(observed, situation)


def is_due(observed: Observed, situation: Situation) -> bool:
    """Whether a workload has to be written, be it only to be touched."""
    return bool(situation.differing) or needs_fence(observed, situation)


def needs_fence(observed: Observed, situation: Situation) -> bool:
    """Whether a workload that is right now must be touched all the same (ADR 4).

    An earlier pair may still be on its way to it: written ahead and never confirmed, or put back
    by a correction whose sender is paused. Once the workload has changed, that write is refused.
    """
    history, pin = observed.release.status.history, situation.effective.pin
    head = history.head
    if head is None:
        return False
    is_open = head.result is RevisionResult.PLANNED
    if head.pin != pin:
        return is_open or head.pin.content != pin.content
    follows = is_open and len(history.revisions) > 1
    written = marks.last_revision(situation.workload.marks, observed.release.name)
    is_touched = written == head.number
    return (follows or history.has_unconfirmed_predecessor) and not is_touched


def is_fenced_off(observed: Observed, situation: Situation) -> bool:
    """Whether a newer generation of this PinnedRelease has been here: then our read is stale."""
    fence = situation.workload.fence_of(observed.release.name)
    return (
        fence is not None
        and fence.release_uid == observed.release.uid
        and fence.generation > observed.release.generation
    )


def is_asked_anew(release: Release) -> bool:
    """Whether a person has asked since the last pass, by a new spec or by the annotation.

    That clears every back-off (design 3.12): whoever has made peace does not wait for it to show.
    """
    recorded = release.status
    is_wish_new = release.requested_at not in (None, recorded.last_handled_reconcile_at)
    return is_wish_new or recorded.observed_generation != release.generation


def held_back_s(observed: Observed, now: Instant) -> float:
    """Seconds until the next write may be tried; 0 when nothing holds it back."""
    fight = observed.memory.fight.at(now.monotonic_s)
    return max(refused_for_s(observed, now), fight.wait_s(now.monotonic_s))


def is_touch_held_back(observed: Observed, situation: Situation, now: Instant) -> bool:
    """Whether a right workload has yet to be touched: till then an earlier pair may still come."""
    return held_back_s(observed, now) > 0 and needs_fence(observed, situation)


def refused_for_s(observed: Observed, now: Instant) -> float:
    """Seconds for which the workload is left alone because a write of it was refused."""
    refusal = observed.memory.refusal
    if refusal is None or refusal.retry_at_s is None:
        return 0.0
    if refusal.generation != observed.release.generation:
        return 0.0
    return max(0.0, refusal.retry_at_s - now.monotonic_s)


def known_proof(observed: Observed, situation: Situation) -> Proof:
    """What is known of the pinned digest: the recorded proof, and what registries said since."""
    digest = situation.effective.pin.digest.digest
    recorded = observed.release.status.proof
    before = recorded if recorded and recorded.digest == digest else Proof(digest=digest)
    names = frozenset(container.name for container in situation.governed)
    seen = digests_in(observed.pods or (), names)
    return learn(before, observed.registry.contents, seen)


def pod_report(observed: Observed, situation: Situation) -> PodReport | None:
    """What the target's pods run; None when pods are not watched."""
    if observed.pods is None:
        return None
    return report_pods(
        observed.pods,
        frozenset(container.name for container in situation.governed),
        situation.workload.rollout.desired,
        known_proof(observed, situation),
        observed.registry.contents,
    )


def _contest(
    observed: Observed, selection: Selection, workload: Workload
) -> tuple[Release | None, frozenset[str]]:
    """The oldest PinnedRelease that claims one of our containers, and all that older ones claim."""
    winner: Release | None = None
    contested: frozenset[str] = frozenset()
    for rival in sorted(observed.rivals, key=lambda one: (one.created_at, one.uid)):
        if not isinstance(rival.spec, DesiredPin) or rival.deleting:
            continue
        if not rival.is_older_than(observed.release):
            break
        pin = effective_pin(rival.spec, rival.status, rival.generation).pin
        claims = select_containers(rival.spec, pin, rival.status.containers, workload)
        overlap = claims.names & selection.names
        contested |= overlap
        winner = winner or (rival if overlap else None)
    return winner, contested
