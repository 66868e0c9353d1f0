"""What a PinnedRelease asks for, and which pair of it is in force."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from pinnedrelease.core.digest import DeclaredDigest
from pinnedrelease.core.reference import Repository, parse_repository, try_parse_reference
from pinnedrelease.core.registry import RegistryWish


class TargetKind(StrEnum):
    """The workload kinds that a PinnedRelease may target."""

    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    DAEMON_SET = "DaemonSet"
    CRON_JOB = "CronJob"


class DriftPolicy(StrEnum):
    """What happens when the pod template differs from the pin."""

    CORRECT = "Correct"
    REPORT = "Report"


class PinSource(StrEnum):
    """Where the pair in force comes from."""

    SPEC = "Spec"
    OVERRIDE = "Override"
    LAST_SUCCEEDED = "LastSucceeded"
    """The rollout of the declared pair failed and ``onFailure`` is ``RollBack``."""


class OnFailure(StrEnum):
    """What happens when pods are not ready on a new pair within ``timeout``."""

    HOLD = "Hold"
    ROLL_BACK = "RollBack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The workload that a pin governs, always in the namespace of the PinnedRelease."""

    kind: TargetKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """The pair: a tag for people, a digest as the authority, in one repository.

    ``spelling`` is the repository as it was declared; it is what gets written, and it does not
    take part in equality: ``nginx`` and ``docker.io/library/nginx`` are the same repository.
    """

    repository: Repository
    tag: str
    digest: DeclaredDigest
    spelling: str = field(compare=False)

    @classmethod
    def declare(cls, *, repository: str, tag: str, digest: str) -> Self:
        """Build a pin from what a person wrote. Raises InvalidReference or InvalidDigest."""
        return cls(
            repository=parse_repository(repository),
            tag=tag,
            digest=DeclaredDigest.parse(digest),
            spelling=sys.intern(repository),
        )

    @property
    def content(self) -> tuple[Repository, DeclaredDigest]:
        """What names content: a digest in one repository may be gone from another."""
        return self.repository, self.digest

    @property
    def image(self) -> str:
        """The text that is written into a container: ``repository@digest``."""
        return f"{self.spelling}@{self.digest}"

    @property
    def reference(self) -> str:
        """The text for people: ``repository:tag@digest``."""
        return f"{self.spelling}:{self.tag}@{self.digest}"

    def is_run_by(self, image: str) -> bool:
        """Whether an image text names the pinned content, whatever its spelling (design 3.2)."""
        found = try_parse_reference(image)
        return (
            found is not None
            and found.repository == self.repository
            and found.digest == self.digest.digest
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A declared exception (break-glass): this digest instead of one exact declared digest.

    It ends by itself when the spec declares another digest than ``instead_of`` (design 3.9).
    """

    digest: DeclaredDigest
    instead_of: DeclaredDigest
    reason: str
    tag: str | None = None
    expire_time: datetime | None = None
    """From then on an alarm is raised; what runs stays as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedDigest:
    """A digest that must not be rolled out until a person lifts this."""

    digest: DeclaredDigest
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredPin:
    """A valid spec."""

    pin: Pin
    target: Target
    containers: tuple[str, ...] = ()
    drift_policy: DriftPolicy = DriftPolicy.CORRECT
    suspend: bool = False
    timeout: timedelta = timedelta(minutes=10)
    revision_history_limit: int = 10
    change_cause: str | None = None
    registry: RegistryWish = field(default_factory=RegistryWish)
    on_failure: OnFailure = OnFailure.HOLD
    override: Override | None = None
    rejected: tuple[RejectedDigest, ...] = ()

    def rejection_of(self, digest: DeclaredDigest) -> RejectedDigest | None:
        """Why a digest must not be rolled out, or None."""
        return next((one for one in self.rejected if one.digest == digest), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectivePin:
    """The pair in force and where it comes from."""

    pin: Pin
    source: PinSource
