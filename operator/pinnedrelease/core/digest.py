"""Digests: the names of content (OCI image-spec, descriptor, "digests")."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Self

from pinnedrelease.core.errors import InvalidDigest, ReferenceErrorKind

DECLARED_DIGEST_PATTERN = "^sha256:[a-f0-9]{64}$"
"""The only form that a person may declare; the CRD uses the same text."""

_GRAMMAR = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9A-Za-z=_-]+")
_DECLARED = re.compile(r"sha256:[a-f0-9]{64}")
_HEX_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}
_LOWER_HEX = frozenset("0123456789abcdef")
_LONGEST = 256
SHORT_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """The digest of some content, of any algorithm that registries know."""

    algorithm: str
    encoded: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``algorithm:hex``. Raises InvalidDigest; capital letters and spaces are refused."""
        if len(text) > _LONGEST or not _GRAMMAR.fullmatch(text):
            raise InvalidDigest(text, ReferenceErrorKind.DIGEST_FORMAT)
        algorithm, _, encoded = text.partition(":")
        if algorithm not in _HEX_DIGITS:
            raise InvalidDigest(text, ReferenceErrorKind.DIGEST_UNSUPPORTED)
        if len(encoded) != _HEX_DIGITS[algorithm]:
            raise InvalidDigest(text, ReferenceErrorKind.DIGEST_LENGTH)
        if not _LOWER_HEX.issuperset(encoded):
            raise InvalidDigest(text, ReferenceErrorKind.DIGEST_FORMAT)
        # One text for all: a fleet has a digest for each entry of its histories.
        return cls(algorithm=sys.intern(algorithm), encoded=encoded)

    @property
    def short(self) -> str:
        """First 12 hexadecimal digits, for tables."""
        return self.encoded[:SHORT_DIGITS]

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.encoded}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredDigest:
    """A digest that a person declared, in the spec or in the record of an earlier spec.

    This type is why a registry can never choose what runs: the workload write takes nothing else,
    and the room that talks to registries must not build one.
    """

    digest: Digest

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a declared digest. Raises InvalidDigest for anything but sha256 (design 2)."""
        digest = Digest.parse(text)
        if not _DECLARED.fullmatch(text):
            raise InvalidDigest(text, ReferenceErrorKind.DIGEST_UNSUPPORTED)
        return cls(digest=digest)

    @property
    def short(self) -> str:
        """First 12 hexadecimal digits, for tables."""
        return self.digest.short

    def __str__(self) -> str:
        return str(self.digest)
