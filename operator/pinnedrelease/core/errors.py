"""Root of every error that this project raises, and the errors of this room.

One base per room, few leaves: a leaf exists only where somebody reacts to it differently.
"""

from __future__ import annotations

from enum import StrEnum

SHOWN_CHARACTERS = 80


class PinnedReleaseError(Exception):
    """Root of all errors of this project."""


class CoreError(PinnedReleaseError):
    """Base of the core: a text that cannot be a value."""


class ReferenceErrorKind(StrEnum):
    """Why a text is no digest or no image reference."""

    EMPTY = "EMPTY"
    FORMAT = "FORMAT"
    UPPERCASE = "UPPERCASE"
    HEX64_NAME = "HEX64_NAME"
    NAME_TOO_LONG = "NAME_TOO_LONG"
    DIGEST_LENGTH = "DIGEST_LENGTH"
    DIGEST_FORMAT = "DIGEST_FORMAT"
    DIGEST_UNSUPPORTED = "DIGEST_UNSUPPORTED"


_FACTS = {
    ReferenceErrorKind.EMPTY: "is empty; write an image name such as ghcr.io/acme/web",
    ReferenceErrorKind.FORMAT: (
        "is not an image reference; write name, name:tag, name@sha256:... or all three"
    ),
    ReferenceErrorKind.UPPERCASE: "has capital letters in the repository; write it in lower case",
    ReferenceErrorKind.HEX64_NAME: (
        "looks like a digest without its algorithm; write sha256: in front of it"
    ),
    ReferenceErrorKind.NAME_TOO_LONG: "has a repository of more than 255 characters",
    ReferenceErrorKind.DIGEST_LENGTH: (
        "has a digest of the wrong length; sha256: is followed by 64 hexadecimal digits"
    ),
    ReferenceErrorKind.DIGEST_FORMAT: (
        "has a malformed digest; write sha256: and 64 lower-case hexadecimal digits"
    ),
    ReferenceErrorKind.DIGEST_UNSUPPORTED: (
        "has a digest of an unsupported algorithm; write sha256: and 64 hexadecimal digits"
    ),
}


class _BadText(CoreError):
    def __init__(self, text: str, kind: ReferenceErrorKind) -> None:
        shown = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
        super().__init__(f"{shown!r} {_FACTS[kind]}")
        self.kind = kind


class InvalidDigest(_BadText):
    """A text is no digest. ``kind`` says why."""


class InvalidReference(_BadText):
    """A text is no image reference. ``kind`` says why."""
