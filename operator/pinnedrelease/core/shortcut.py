"""When a pass may act on what it remembers of its PinnedRelease instead of reading it (ADR 6)."""

from __future__ import annotations

from pinnedrelease.core.actions import ApplyImages, RecordIntent
from pinnedrelease.core.observed import Observed
from pinnedrelease.core.plan import Plan
from pinnedrelease.core.reference import try_parse_reference
from pinnedrelease.core.situation import assess


def is_plain_correction(observed: Observed, decided: Plan) -> bool:
    """Whether a plan only puts back a pair that is in force and recorded.

    Not when a container has another digest of the pinned repository: that may be one half of a
    change whose other half, a new spec, is on its way. Then only a fresh read can tell.
    """
    kinds = {type(action) for action in decided.actions}
    situation = assess(observed)
    if situation is None or ApplyImages not in kinds or RecordIntent in kinds:
        return False
    repository = situation.effective.pin.repository
    references = (try_parse_reference(container.image) for container in situation.differing)
    return bool(situation.differing) and not any(
        found is not None and found.digest is not None and found.repository == repository
        for found in references
    )
