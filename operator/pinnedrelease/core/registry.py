"""What registries say about tags and digests: facts with an age. They never decide what runs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum

from pinnedrelease.core.digest import Digest
from pinnedrelease.core.proof import Contents
from pinnedrelease.core.reference import Repository


class RegistryCheck(StrEnum):
    """What the operator asks registries about a PinnedRelease."""

    TAG_AND_DIGEST = "TagAndDigest"
    DIGEST = "Digest"
    NONE = "None"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryWish:
    """What a spec says about registries: names of Secrets, never their content."""

    check: RegistryCheck = RegistryCheck.TAG_AND_DIGEST
    interval: timedelta = timedelta(minutes=10)
    secret: str | None = None
    certificates: str | None = None


class Presence(StrEnum):
    """A clear answer of a registry."""

    FOUND = "Found"
    MISSING = "Missing"


class TroubleKind(StrEnum):
    """Why there is no clear answer; as coarse as a status may say it (reliability study 3.3)."""

    UNREACHABLE = "Unreachable"
    UNAUTHORIZED = "Unauthorized"
    BAD_ANSWER = "BadAnswer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An attempt without a clear answer. ``hint`` holds nothing that a tenant may not read."""

    kind: TroubleKind
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """The newest clear answer about one tag or digest, and what the newest attempt ended in."""

    presence: Presence | None = None
    """None: no clear answer, or one that is too old to be believed."""
    confirmed: bool = True
    """Whether a second answer has said the same; asked for only when something is missing."""
    digest: Digest | None = None
    """What the registry claims that a tag points at."""
    answered_at_s: float = 0.0
    """Monotonic time of the answer."""
    valid_for_s: float = 900.0
    trouble: Trouble | None = None
    """Set when the newest attempt gave no clear answer."""
    asked_since_s: float | None = None
    """Monotonic time since which the question is being asked; None when nobody asks it."""

    def at(self, now_s: float) -> Fact:
        """The fact without an answer that is older than its limit."""
        if self.presence is None or now_s - self.answered_at_s <= self.valid_for_s:
            return self
        return replace(self, presence=None, digest=None, confirmed=True)

    def is_given_up(self, now_s: float) -> bool:
        """Whether there has been no clear answer for so long that an older one is void too."""
        if self.presence is not None or self.asked_since_s is None:
            return False
        return now_s - max(self.answered_at_s, self.asked_since_s) > self.valid_for_s

    @property
    def is_certainly_missing(self) -> bool:
        """Two answers in a row said "missing"."""
        return self.presence is Presence.MISSING and self.confirmed


NOBODY_ASKS = Fact()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformFact:
    """One platform's manifest of the pinned index, and whether it is still there."""

    platform: str
    fact: Fact
    was_found: bool = False
    """It has been there since this process asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierFact:
    """A digest of the history, and whether it is still there."""

    repository: Repository
    digest: Digest
    fact: Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class TagContent:
    """What is in the index that a tag points at: the declared digest may be a platform of it."""

    digest: Digest
    fact: Fact
    manifests: tuple[Digest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryFacts:
    """Everything that is known about one PinnedRelease's pair and its history."""

    tag: Fact = NOBODY_ASKS
    tag_content: TagContent | None = None
    """Asked for when the tag points at other content than the declared one."""
    digest: Fact = NOBODY_ASKS
    platforms: tuple[PlatformFact, ...] = ()
    earlier: tuple[EarlierFact, ...] = ()
    contents: Contents = field(default_factory=Contents)
    """What is in the pinned digest, and in others that pods report."""

    def about(self, repository: Repository, digest: Digest) -> Fact:
        """The fact about a digest of the history."""
        for one in self.earlier:
            if one.digest == digest and one.repository == repository:
                return one.fact
        return NOBODY_ASKS


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryRecord:
    """The registry's last clear answers, as the status keeps them."""

    tag_digest: Digest | None = None
    """What the tag pointed at; None when that is not known or the tag does not exist."""
    digest_found: bool | None = None
    missing_platforms: tuple[str, ...] = ()
    """Platforms whose manifest has gone from the pinned index."""
