"""Manifests and indexes: what a digest points to. Pure: bytes in, facts out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from pinnedrelease.core.digest import Digest
from pinnedrelease.core.errors import InvalidDigest
from pinnedrelease.registry.errors import BadAnswer, DigestMismatch

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
ACCEPT = f"{OCI_INDEX}, {OCI_MANIFEST}, {DOCKER_LIST}, {DOCKER_MANIFEST}"
"""In one line and in this order: without a fitting type registries answer 404, or convert."""

CHILDREN_LIMIT = 1000
_INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
_GENERIC = frozenset({"", "application/json", "application/octet-stream", "text/plain"})
_ATTESTATION = "attestation-manifest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One platform's manifest in an index, for example ``linux/arm64/v8``."""

    platform: str
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest or an index whose bytes have the digest that is stated here."""

    digest: Digest
    media_type: str
    raw: bytes
    children: tuple[Child, ...] = ()
    """Platform manifests of an index; attestations are no platform and are left out."""
    config: Digest | None = None
    """The image configuration of a manifest."""

    @property
    def is_index(self) -> bool:
        """Whether it is a list of manifests."""
        return self.media_type in _INDEXES


def sha256_of(raw: bytes) -> Digest:
    """The digest of bytes, computed here."""
    return Digest(algorithm="sha256", encoded=hashlib.sha256(raw).hexdigest())


def read_manifest(raw: bytes, content_type: str, expected: Digest | None) -> Manifest:
    """Check the bytes against the digest that was asked for, and only then read them.

    Raises DigestMismatch, or BadAnswer for a document that is ambiguous or no manifest
    (a document with both ``manifests`` and ``layers`` means two things: CVE-2021-41190).
    """
    actual = hashed(raw, expected)
    if expected is not None and actual != expected:
        raise DigestMismatch(f"asked for {expected}, got bytes of {actual}")
    document = json_object(raw)
    if "manifests" in document and ("layers" in document or "config" in document):
        raise BadAnswer(f"{actual} is both an index and a manifest")
    media_type = _media_type(document, content_type.partition(";")[0].strip().lower())
    if media_type in _INDEXES:
        return Manifest(digest=actual, media_type=media_type, raw=raw, children=_children(document))
    return Manifest(digest=actual, media_type=media_type, raw=raw, config=_config(document))


def hashed(raw: bytes, expected: Digest | None) -> Digest:
    """The digest of bytes in the algorithm of the expected one, sha256 without one."""
    algorithm = expected.algorithm if expected is not None else "sha256"
    return Digest(algorithm=algorithm, encoded=hashlib.new(algorithm, raw).hexdigest())


def json_object(raw: bytes) -> Mapping[str, object]:
    """The JSON object that bytes hold. Raises BadAnswer."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadAnswer("the manifest is not JSON") from error
    if not isinstance(document, dict):
        raise BadAnswer("the manifest is not a JSON object")
    return document


def _media_type(document: Mapping[str, object], header: str) -> str:
    inside = document.get("mediaType")
    if isinstance(inside, str) and inside and header not in _GENERIC and inside != header:
        raise BadAnswer(f"the manifest calls itself {inside[:80]}, its header says {header[:80]}")
    stated = inside if isinstance(inside, str) and inside else header
    if stated in (OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST):
        return stated
    if stated in _GENERIC and "manifests" in document:
        return OCI_INDEX
    if stated in _GENERIC and "config" in document:
        return OCI_MANIFEST
    raise BadAnswer(f"{stated[:80] or 'a document without a type'} is no image manifest")


def _children(document: Mapping[str, object]) -> tuple[Child, ...]:
    entries = document.get("manifests")
    if not isinstance(entries, list) or len(entries) > CHILDREN_LIMIT:
        raise BadAnswer("the index has no list of manifests, or too long a one")
    found: list[Child] = []
    for entry in entries:
        if not isinstance(entry, dict):
            raise BadAnswer("the index has an entry that is no object")
        platform = _platform(entry)
        if platform is not None:
            found.append(Child(platform=platform, digest=_digest(entry)))
    return tuple(found)


def _platform(entry: Mapping[str, object]) -> str | None:
    """``os/architecture[/variant]``, or None for an attestation."""
    annotations = entry.get("annotations")
    if isinstance(annotations, dict):
        kind = annotations.get("vnd.docker.reference.type")
        if kind == _ATTESTATION:
            return None
    platform = entry.get("platform")
    if not isinstance(platform, dict):
        return "unknown"
    parts = [platform.get(name) for name in ("os", "architecture", "variant")]
    texts = [part for part in parts if isinstance(part, str) and part]
    if texts[:1] == ["unknown"]:
        return None
    if texts[1:] == ["arm64"]:
        texts.append("v8")
    return "/".join(texts) or "unknown"


def _config(document: Mapping[str, object]) -> Digest:
    config = document.get("config")
    if not isinstance(config, dict):
        raise BadAnswer("the manifest has no configuration")
    return _digest(config)


def _digest(descriptor: Mapping[str, object]) -> Digest:
    text = descriptor.get("digest")
    try:
        return Digest.parse(text if isinstance(text, str) else "")
    except InvalidDigest as error:
        raise BadAnswer("the manifest refers to something that has no valid digest") from error
