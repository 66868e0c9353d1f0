"""Image references after the grammar of github.com/distribution/reference (v0.6.0).

One registry and one repository have many spellings; comparison is by the normal form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from pinnedrelease.core.digest import Digest
from pinnedrelease.core.errors import InvalidDigest, InvalidReference, ReferenceErrorKind

TAG_PATTERN = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"

DEFAULT_DOMAIN = "docker.io"
LEGACY_DEFAULT_DOMAIN = "index.docker.io"
OFFICIAL_PREFIX = "library/"
PATH_LIMIT = 255
REFERENCE_LIMIT = 4096
"""Longer than any reference can be: domain, path, tag and digest at their longest."""

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_PATH_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_DOMAIN_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_DOMAIN_LABEL}(?:\.{_DOMAIN_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_HEX64 = re.compile(r"[a-f0-9]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A registry's host and the path in it. Equal whatever the spelling.

    Host names compare without regard to case, because DNS does.
    """

    domain: str = field(compare=False)
    path: str
    host: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "host", self.domain.lower())

    @property
    def familiar(self) -> str:
        """The short form that Docker shows: ``nginx`` for ``docker.io/library/nginx``."""
        if self.domain != DEFAULT_DOMAIN:
            return str(self)
        name = self.path.removeprefix(OFFICIAL_PREFIX)
        return self.path if "/" in name else name

    def __str__(self) -> str:
        return f"{self.domain}/{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReference:
    """A repository with a tag, a digest, both or neither."""

    repository: Repository
    tag: str | None = None
    digest: Digest | None = None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag is not None else ""
        digest = f"@{self.digest}" if self.digest is not None else ""
        return f"{self.repository}{tag}{digest}"


def is_tag(text: str) -> bool:
    """Whether a text is a tag (distribution reference grammar, ``tag``)."""
    return _TAG.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def parse_reference(text: str) -> ImageReference:
    """Read a reference as it may stand in a pod template. Raises InvalidReference."""
    if not text:
        raise InvalidReference(text, ReferenceErrorKind.EMPTY)
    if _HEX64.fullmatch(text):
        raise InvalidReference(text, ReferenceErrorKind.HEX64_NAME)
    name, digest = _split_digest(text)
    name, tag = _split_tag(text, name)
    domain, path = _split_domain(name)
    _check_name(text, domain, path)
    return ImageReference(
        repository=Repository(domain=domain, path=path),
        tag=tag,
        digest=_parse_digest(text, digest) if digest is not None else None,
    )


def try_parse_reference(text: str) -> ImageReference | None:
    """Read a reference, or None when the text is none."""
    try:
        return parse_reference(text)
    except InvalidReference:
        return None


def parse_repository(text: str) -> Repository:
    """Read a repository. Raises InvalidReference, also for a text with a tag or a digest."""
    reference = parse_reference(text)
    if reference.tag is not None or reference.digest is not None:
        raise InvalidReference(text, ReferenceErrorKind.FORMAT)
    return reference.repository


def _split_digest(text: str) -> tuple[str, str | None]:
    name, at, digest = text.partition("@")
    return name, digest if at else None


def _split_tag(text: str, name: str) -> tuple[str, str | None]:
    """Cut off the tag: what follows the last colon, unless a slash shows that it was a port."""
    head, colon, tail = name.rpartition(":")
    if not colon or "/" in tail or (head.startswith("[") and "]" in tail):
        return name, None
    if not is_tag(tail):
        raise InvalidReference(text, ReferenceErrorKind.FORMAT)
    return head, tail


def _split_domain(name: str) -> tuple[str, str]:
    """The first element is a host if it looks like one (reference, ``splitDockerDomain``)."""
    first, slash, rest = name.partition("/")
    looks_like_host = "." in first or ":" in first or first == "localhost" or first.lower() != first
    if not slash or not looks_like_host:
        domain, path = DEFAULT_DOMAIN, name
    else:
        domain, path = first, rest
    if domain == LEGACY_DEFAULT_DOMAIN:
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in path:
        path = OFFICIAL_PREFIX + path
    return domain, path


def _check_name(text: str, domain: str, path: str) -> None:
    if len(path) > PATH_LIMIT:
        well_formed = len(text) > REFERENCE_LIMIT or _is_path(path)
        kind = ReferenceErrorKind.NAME_TOO_LONG if well_formed else ReferenceErrorKind.FORMAT
        raise InvalidReference(text, kind)
    if not _is_path(path):
        upper = path != path.lower() and _is_path(path.lower())
        kind = ReferenceErrorKind.UPPERCASE if upper else ReferenceErrorKind.FORMAT
        raise InvalidReference(text, kind)
    if len(domain) > REFERENCE_LIMIT or not _DOMAIN.fullmatch(domain):
        raise InvalidReference(text, ReferenceErrorKind.FORMAT)


def _is_path(path: str) -> bool:
    return all(_PATH_COMPONENT.fullmatch(component) for component in path.split("/"))


def _parse_digest(text: str, digest: str) -> Digest:
    """Read the digest part: what is no digest at all makes the whole text no reference."""
    try:
        return Digest.parse(digest)
    except InvalidDigest as error:
        is_grammatical = error.kind is not ReferenceErrorKind.DIGEST_FORMAT or ":" in digest
        several = digest.count(":") > 1 or "@" in digest
        kind = error.kind if is_grammatical and not several else ReferenceErrorKind.FORMAT
        raise InvalidReference(text, kind) from error
