"""When a plan may be carried out although nothing was read for it (ADR 6, ADR 14)."""

from __future__ import annotations

from pinnedrelease.core.actions import ApplyImages, LetGo, RecordIntent
from pinnedrelease.core.observed import Observed
from pinnedrelease.core.plan import Plan
from pinnedrelease.core.reference import try_parse_reference
from pinnedrelease.core.situation import assess


def needs_no_read(observed: Observed, decided: Plan, *, is_vouched_for: bool) -> bool:
    """Whether a plan over what the watches told may stand as it is.

    What only writes the status is refused by the API server when the PinnedRelease is newer. So is
    an intent, which goes before the workload. A workload write without one only puts back what is
    in force: that has to be vouched for by both watches.
    """
    kinds = [type(action) for action in decided.actions]
    if LetGo in kinds:
        return False
    if ApplyImages not in kinds or RecordIntent in kinds[: kinds.index(ApplyImages)]:
        return True
    return is_vouched_for and _is_plain_correction(observed)


def _is_plain_correction(observed: Observed) -> bool:
    """Whether a plan only puts back a pair that is in force and recorded.

    Not when a container has another digest of the pinned repository: that may be one half of a
    change whose other half, a new spec, is on its way. Then only a fresh read can tell.
    """
    situation = assess(observed)
    if situation is None:
        return False
    repository = situation.effective.pin.repository
    references = (try_parse_reference(container.image) for container in situation.differing)
    return bool(situation.differing) and not any(
        found is not None and found.digest is not None and found.repository == repository
        for found in references
    )
