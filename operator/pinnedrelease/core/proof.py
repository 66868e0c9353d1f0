"""Does a container run the pinned content? Decided by proof, never by comparing texts (design 3.7).

A container runtime reports the digest of an index, of a platform's manifest or of an image's
configuration, under the name of any repository, and may change its mind while the container runs.
Source: registry study 4.4, the decision table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pinnedrelease.core.digest import Digest
from pinnedrelease.core.errors import CoreError, InvalidDigest
from pinnedrelease.core.reference import parse_reference

PREFIXES = ("docker-pullable://", "docker://")
OTHERS_LIMIT = 8
PLATFORMS_LIMIT = 32
"""So many manifests of an index are looked after; real images have fewer than twenty."""
_HEX_ID = re.compile(r"[a-f0-9]{64}")


class Verdict(StrEnum):
    """What is known of one container."""

    MATCHES = "Matches"
    DIFFERS = "Differs"
    """It is proven to run other content."""
    UNKNOWN = "Unknown"
    PENDING = "Pending"
    """The runtime has not reported anything yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformProof:
    """One platform of the pinned digest: its manifest, and its configuration where known."""

    platform: str
    """``os/architecture[/variant]``; empty when the pinned digest is a manifest itself."""
    manifest: Digest
    config: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a registry said is in a digest: the platforms of an index, or one configuration."""

    digest: Digest
    is_missing: bool = False
    """The registry has no such digest."""
    platforms: tuple[tuple[str, Digest], ...] = ()
    config: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """All that is known of one pinned digest. Kept in the status: verdicts outlive the registry."""

    digest: Digest
    platforms: tuple[PlatformProof, ...] = ()
    """Empty while the registry has not been read."""
    same: tuple[Digest, ...] = ()
    """Other digests that are proven to be the same content."""
    other: tuple[Digest, ...] = ()
    """Digests that are proven to be other content."""

    @property
    def manifests(self) -> frozenset[Digest]:
        """The manifests of all platforms."""
        return frozenset(one.manifest for one in self.platforms)

    @property
    def configs(self) -> frozenset[Digest]:
        """The configurations that are known."""
        return frozenset(one.config for one in self.platforms if one.config is not None)

    @property
    def has_all_configs(self) -> bool:
        """Whether there is no platform whose configuration is not known."""
        return bool(self.platforms) and all(one.config is not None for one in self.platforms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What registries said is in some digests."""

    by_digest: Mapping[Digest, Content] = field(default_factory=dict)

    def of(self, digest: Digest) -> Content | None:
        """What is in a digest, or None."""
        return self.by_digest.get(digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What a runtime reports: something that was pulled by this digest, or a configuration."""

    digest: Digest
    is_config: bool


def reported(image_id: str) -> Reported | None:
    """The digest in an imageID as containerd, CRI-O or cri-dockerd spell it; None without one."""
    text = image_id
    for prefix in PREFIXES:
        text = text.removeprefix(prefix)
    if _HEX_ID.fullmatch(text):
        text = f"sha256:{text}"
    try:
        digest = parse_reference(text).digest if "@" in text else Digest.parse(text)
    except CoreError:
        return None
    return Reported(digest=digest, is_config="@" not in text) if digest is not None else None


def judge(image_id: str, asked_image: str, proof: Proof, contents: Contents) -> Verdict:
    """The verdict on one container.

    ``asked_image`` is the image in the pod's own spec. A digest that the registry does not have is
    proven to be other content only when the pod was not even asked to run the pin: a runtime
    that was asked for it and verified it may show another name of the same content.
    """
    if not image_id:
        return Verdict.PENDING
    found = reported(image_id)
    if found is None:
        return Verdict.UNKNOWN
    if is_known_same(found.digest, proof):
        return Verdict.MATCHES
    if found.digest in proof.other or (found.is_config and proof.has_all_configs):
        return Verdict.DIFFERS
    content = contents.of(found.digest)
    if content is None or found.is_config:
        return Verdict.UNKNOWN
    return _judge_content(content, asked_image, proof, contents)


def _judge_content(content: Content, asked_image: str, proof: Proof, contents: Contents) -> Verdict:
    if content.is_missing:
        asked = asked_digest(asked_image)
        is_asked_for = asked is not None and is_known_same(asked, proof)
        return Verdict.UNKNOWN if is_asked_for or not proof.platforms else Verdict.DIFFERS
    return compare(content, proof, contents)


def is_known_same(digest: Digest, proof: Proof) -> bool:
    """Whether a digest names the pinned content, by what is recorded."""
    return (
        digest == proof.digest
        or digest in proof.manifests
        or digest in proof.configs
        or digest in proof.same
    )


def compare(content: Content, proof: Proof, contents: Contents) -> Verdict:
    """Whether other content is the pinned one in another packaging."""
    if content.config is not None:
        if content.config in proof.configs:
            return Verdict.MATCHES
        return Verdict.DIFFERS if proof.has_all_configs else Verdict.UNKNOWN
    if proof.digest in {manifest for _, manifest in content.platforms}:
        return Verdict.MATCHES
    if not proof.platforms or not content.platforms:
        return Verdict.UNKNOWN
    return _compare_indexes(content, proof, contents)


def _compare_indexes(content: Content, proof: Proof, contents: Contents) -> Verdict:
    """Two indexes are the same where each platform that both have is the same.

    The node's platform is not known here: when some platforms are the same and others are not,
    nothing is proven.
    """
    theirs = dict(content.platforms)
    verdicts: set[Verdict] = set()
    for one in proof.platforms:
        manifest = theirs.get(one.platform)
        if manifest is None:
            continue
        if manifest == one.manifest:
            verdicts.add(Verdict.MATCHES)
            continue
        inner = contents.of(manifest)
        if inner is None or inner.config is None or one.config is None:
            verdicts.add(Verdict.UNKNOWN)
        else:
            same = inner.config == one.config
            verdicts.add(Verdict.MATCHES if same else Verdict.DIFFERS)
    return verdicts.pop() if len(verdicts) == 1 else Verdict.UNKNOWN


def asked_digest(image: str) -> Digest | None:
    """The digest that an image text names, or None."""
    try:
        return parse_reference(image).digest
    except CoreError:
        return None


def learn(proof: Proof, contents: Contents, seen: frozenset[Digest]) -> Proof:
    """The proof with what registries have said since. Nothing known is ever forgotten.

    ``seen`` are the digests that containers report now: verdicts about these are kept.
    """
    content = contents.of(proof.digest)
    platforms = proof.platforms
    if not platforms and content is not None and not content.is_missing:
        if content.config is not None:
            platforms = (PlatformProof(platform="", manifest=proof.digest, config=content.config),)
        else:
            platforms = tuple(
                PlatformProof(platform=platform, manifest=manifest)
                for platform, manifest in content.platforms
            )
    platforms = tuple(_with_config(one, contents) for one in platforms[:PLATFORMS_LIMIT])
    grown = Proof(digest=proof.digest, platforms=platforms, same=proof.same, other=proof.other)
    same, other = list(proof.same), list(proof.other)
    for digest in sorted(seen, key=str):
        found = contents.of(digest)
        if found is None or found.is_missing or is_known_same(digest, grown) or digest in other:
            continue
        verdict = compare(found, grown, contents)
        if verdict is Verdict.MATCHES:
            same.append(digest)
        elif verdict is Verdict.DIFFERS:
            other.append(digest)
    return Proof(
        digest=proof.digest,
        platforms=platforms,
        same=tuple(same[-OTHERS_LIMIT:]),
        other=tuple(other[-OTHERS_LIMIT:]),
    )


def _with_config(one: PlatformProof, contents: Contents) -> PlatformProof:
    content = contents.of(one.manifest)
    if one.config is not None or content is None or content.config is None:
        return one
    return PlatformProof(platform=one.platform, manifest=one.manifest, config=content.config)


def parse_digests(texts: tuple[str, ...]) -> tuple[Digest, ...]:
    """The texts that are digests."""
    found: list[Digest] = []
    for text in texts:
        try:
            found.append(Digest.parse(text))
        except InvalidDigest:
            continue
    return tuple(found)
