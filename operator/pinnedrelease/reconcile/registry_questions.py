"""The questions of one PinnedRelease to registries, and the facts that their answers make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from pinnedrelease.core.conditions import ConditionType, Reason, find
from pinnedrelease.core.digest import Digest
from pinnedrelease.core.effective import effective_pin
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import DesiredPin, Pin
from pinnedrelease.core.pods import Pod, current_pods
from pinnedrelease.core.proof import (
    Content,
    Contents,
    Proof,
    is_known_same,
    learn,
    reported,
)
from pinnedrelease.core.reference import Repository
from pinnedrelease.core.registry import (
    EarlierFact,
    Fact,
    PlatformFact,
    Presence,
    RegistryCheck,
    RegistryFacts,
    TagContent,
)
from pinnedrelease.registry.access import Access
from pinnedrelease.registry.entry import Known, Wanted
from pinnedrelease.registry.inquiry import Question, Subject
from pinnedrelease.registry.poller import Poller

UNPROVEN_LIMIT = 4
"""So many digests that pods report are looked up at a time."""
FIRST_LOOK_WITHIN_S = 3600.0
"""Digests of the history and single platforms are looked at first within an hour of the start."""


@dataclass(frozen=True, slots=True)
class _Unproven:
    """What containers report that the proof does not cover."""

    digests: tuple[Digest, ...]
    has_config: bool


def _unproven(pods: tuple[Pod, ...], names: frozenset[str], proof: Proof) -> _Unproven:
    digests: dict[Digest, None] = {}
    has_config = False
    for pod in current_pods(pods):
        for container in pod.containers:
            found = reported(container.image_id) if container.name in names else None
            if found is None or found.digest in proof.other or is_known_same(found.digest, proof):
                continue
            if found.is_config:
                has_config = True
            else:
                digests[found.digest] = None
    return _Unproven(tuple(digests)[:UNPROVEN_LIMIT], has_config)


@dataclass(frozen=True, slots=True)
class Behalf:
    """On whose behalf registries are asked."""

    access_to: Callable[[Repository], Access]
    explain: Callable[[Repository, Fact], Fact]
    """Adds to a fact what only the owner of the PinnedRelease may read."""


class Questions:
    """The questions of one PinnedRelease."""

    def __init__(
        self,
        poller: Poller,
        behalf: Behalf,
        release: Release,
        spec: DesiredPin,
        pods: tuple[Pod, ...],
        now_s: float,
    ) -> None:
        self._poller = poller
        self._behalf = behalf
        self._release = release
        self._spec = spec
        self._pin: Pin = effective_pin(spec, release.status, release.generation).pin
        self._accesses: dict[Repository, Access] = {}
        pinned = self._pin.digest.digest
        self._tag = self._question(Subject.TAG, self._pin.repository, self._pin.tag)
        self._digest = self._about(pinned)
        self._vouching = self._vouching_tag(now_s)
        self._tag_content = self._question_about_tag()
        recorded = release.status.proof
        proof = recorded if recorded and recorded.digest == pinned else Proof(digest=pinned)
        self._has_proof = bool(proof.platforms)
        proof = learn(proof, self._contents((pinned,)), frozenset())
        names = frozenset(release.status.containers)
        unproven = _unproven(pods, names, proof)
        self._platforms = {
            one.platform: self._about(one.manifest)
            for one in proof.platforms
            if one.manifest != pinned
        }
        self._wants_configs = bool(unproven.digests or unproven.has_config)
        self._reported = {digest: self._about(digest) for digest in unproven.digests}
        self._inside = {
            manifest: self._about(manifest)
            for digest in unproven.digests
            for platform, manifest in self._content_of(digest).platforms
            if platform in self._platforms
        }
        self._earlier = {
            (one.pin.repository, one.pin.digest.digest): self._question(
                Subject.DIGEST, one.pin.repository, str(one.pin.digest)
            )
            for one in release.status.history.revisions
            if one.pin.content != self._pin.content
        }

    @property
    def digest_question(self) -> Question:
        """Is the digest in force there?"""
        return self._digest

    def wanted(self, slow_interval_s: float) -> Mapping[Question, Wanted]:
        """Each question with its interval; where two wishes meet the shorter interval counts."""
        interval_s = self._spec.registry.interval.total_seconds()
        slow_s = max(slow_interval_s, interval_s)
        slow = Wanted(interval_s=slow_s, within_s=min(slow_s, FIRST_LOOK_WITHIN_S))
        wishes = dict.fromkeys(self._earlier.values(), slow)
        reading = Wanted(interval_s=slow_s, with_content=True)
        platforms = reading if self._wants_configs else slow
        wishes |= dict.fromkeys(self._platforms.values(), platforms)
        wishes |= dict.fromkeys(self._inside.values(), reading)
        wishes |= dict.fromkeys(
            self._reported.values(), Wanted(interval_s=interval_s, with_content=True)
        )
        is_known = self._is_recorded()
        first_within_s = interval_s if is_known else 0.0
        wishes[self._digest] = Wanted(
            interval_s=interval_s if self._vouching is None else slow_s,
            urgent=not is_known,
            within_s=first_within_s if self._has_proof else 0.0,
            with_content=not self._has_proof or self._wants_configs,
        )
        if self._spec.registry.check is RegistryCheck.TAG_AND_DIGEST:
            wishes[self._tag] = Wanted(interval_s=interval_s, within_s=first_within_s)
            if self._tag_content is not None:
                wishes.setdefault(
                    self._tag_content, Wanted(interval_s=slow_s, urgent=True, with_content=True)
                )
        return wishes

    def facts(self) -> RegistryFacts:
        """What is known now."""
        return RegistryFacts(
            tag=self._known(self._tag).fact,
            tag_content=self._content_of_tag(),
            digest=self._about_the_pinned(),
            platforms=tuple(
                self._platform(platform, question) for platform, question in self._platforms.items()
            ),
            earlier=tuple(
                EarlierFact(repository=repository, digest=digest, fact=self._known(question).fact)
                for (repository, digest), question in self._earlier.items()
            ),
            contents=self._contents(
                (
                    self._pin.digest.digest,
                    *(Digest.parse(one.reference) for one in self._platforms.values()),
                    *self._reported,
                    *self._inside,
                )
            ),
        )

    def _vouching_tag(self, now_s: float) -> Fact | None:
        """What is known of the tag, when it names the pinned digest: then the digest is there too.

        So one request each interval answers both questions.
        """
        if self._spec.registry.check is not RegistryCheck.TAG_AND_DIGEST:
            return None
        fact = self._known(self._tag).fact.at(now_s)
        names_the_pinned = fact.digest == self._pin.digest.digest and fact.trouble is None
        return fact if fact.presence is Presence.FOUND and names_the_pinned else None

    def _about_the_pinned(self) -> Fact:
        """The newer of the two answers that tell whether the pinned digest is there."""
        fact, tag = self._known(self._digest).fact, self._vouching
        if tag is None or (fact.presence is not None and fact.answered_at_s >= tag.answered_at_s):
            return fact
        return replace(
            fact,
            presence=Presence.FOUND,
            confirmed=True,
            answered_at_s=tag.answered_at_s,
            valid_for_s=tag.valid_for_s,
        )

    def _about(self, digest: Digest) -> Question:
        return self._question(Subject.DIGEST, self._pin.repository, str(digest))

    def _contents(self, digests: tuple[Digest, ...]) -> Contents:
        """What is known to be in these digests; nothing about those that have not been read."""
        found: dict[Digest, Content] = {}
        for digest in digests:
            known = self._known(self._about(digest))
            if known.content is not None:
                found[digest] = known.content
            elif known.fact.is_certainly_missing:
                found[digest] = Content(digest=digest, is_missing=True)
        return Contents(by_digest=found)

    def _content_of(self, digest: Digest) -> Content:
        return self._known(self._about(digest)).content or Content(digest=digest)

    def _question_about_tag(self) -> Question | None:
        """What is in the index that the tag points at, when it is not the declared digest."""
        digest = self._known(self._tag).fact.digest
        if digest is None or digest == self._pin.digest.digest:
            return None
        return self._about(digest)

    def _content_of_tag(self) -> TagContent | None:
        if self._tag_content is None:
            return None
        known, digest = (
            self._known(self._tag_content),
            Digest.parse(self._tag_content.reference),
        )
        platforms = known.content.platforms if known.content else ()
        return TagContent(
            digest=digest,
            fact=known.fact,
            manifests=tuple(manifest for _, manifest in platforms),
        )

    def _platform(self, platform: str, question: Question) -> PlatformFact:
        known = self._known(question)
        return PlatformFact(platform=platform, fact=known.fact, was_found=known.was_found)

    def _known(self, question: Question) -> Known:
        known = self._poller.known(question)
        fact = self._behalf.explain(question.repository, known.fact)
        return known if fact is known.fact else replace(known, fact=fact)

    def _question(self, subject: Subject, repository: Repository, reference: str) -> Question:
        access = self._accesses.get(repository)
        if access is None:
            access = self._behalf.access_to(repository)
            self._accesses[repository] = access
        return Question(subject, repository, reference, access)

    def _is_recorded(self) -> bool:
        """Whether the status has an answer about this pair: then nothing waits for one."""
        status = self._release.status
        if status.effective is None or status.effective.pin != self._pin:
            return False
        recorded = find(status.conditions, ConditionType.DIGEST_AVAILABLE)
        return recorded is not None and recorded.reason not in (
            Reason.NOT_CHECKED,
            Reason.CHECK_DISABLED,
        )
