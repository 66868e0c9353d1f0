"""Everything that the status says, as one value: what is recorded and what is to be written."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pinnedrelease.core.conditions import Condition
from pinnedrelease.core.drift import DriftRecord
from pinnedrelease.core.history import Gap, History
from pinnedrelease.core.pin import EffectivePin, Override
from pinnedrelease.core.pods import PodCounts, Running
from pinnedrelease.core.proof import Proof
from pinnedrelease.core.registry import RegistryRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The status of a PinnedRelease.

    It says when a fact last changed, never when it was last checked: of two passes over the same
    world the second yields an equal value, and nothing is written (design 2).
    """

    observed_generation: int | None = None
    effective: EffectivePin | None = None
    revision: int = 0
    """Number of the newest history entry; it never goes back, so that numbers are not reused."""
    deploy_time: datetime | None = None
    target: str | None = None
    containers: tuple[str, ...] = ()
    pod_summary: str | None = None
    pods: PodCounts | None = None
    running: tuple[Running, ...] = ()
    proof: Proof | None = None
    drift: tuple[DriftRecord, ...] = ()
    registry: RegistryRecord | None = None
    history: History = field(default_factory=History)
    conditions: tuple[Condition, ...] = ()
    last_handled_reconcile_at: str | None = None
    ended_override: Override | None = None
    """The override in the spec that has ended and is not obeyed again."""
    failed_generation: int | None = None
    """Generation whose pair was rolled back because its pods did not become ready."""
    gaps: tuple[Gap, ...] = ()
    """Times for which nobody knows what ran, newest first."""
