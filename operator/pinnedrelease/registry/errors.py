"""What asking a registry can end in, by what it says about the image.

Only :class:`ManifestNotFound` may ever mean "missing". Everything else means "not known".
Messages name the registry and the fact, never credentials or bodies. They are for the operator's
log; a status shows ``coarse`` and ``hint`` alone.
"""

from __future__ import annotations

from pinnedrelease.core.errors import PinnedReleaseError
from pinnedrelease.core.registry import TroubleKind


class RegistryError(PinnedReleaseError):
    """Base of this room. ``coarse`` is all that a status may show (a finer one scans ports)."""

    coarse = TroubleKind.BAD_ANSWER
    hint = ""
    """What the owner of the PinnedRelease can do about it; names nothing that is secret."""


class Unreachable(RegistryError):
    """No usable answer: no connection, a time-out, or an error of the server."""

    coarse = TroubleKind.UNREACHABLE


class NotTrusted(Unreachable):
    """Nobody whom this asker trusts vouches for the certificate; others may trust others."""


class Crowded(Unreachable):
    """Other names held every place for a look-up; nothing has been asked about this host."""


class NotAllowed(RegistryError):
    """Our own rules forbid the connection; nothing has been sent."""

    coarse = TroubleKind.UNREACHABLE


class Unauthorized(RegistryError):
    """The registry wants other credentials than those that we have."""

    coarse = TroubleKind.UNAUTHORIZED


class TokenHostNotListed(Unauthorized):
    """The registry wants its users' credentials sent to a host that nobody has allowed.

    Both names are the registry's own public words.
    """

    def __init__(self, registry: str, token_host: str) -> None:
        super().__init__(
            f"{registry} sends its users to the token server {token_host}, which is not listed "
            "for it; credentials were not sent"
        )
        self.token_host = token_host
        self.hint = (
            f"credentials would go to {token_host}; if that is right, start the operator with "
            f"--registry-token-host={registry}={token_host}"
        )


class RateLimited(RegistryError):
    """The registry asks for a pause; ``retry_after_s`` is its wish, if it has one."""

    coarse = TroubleKind.UNREACHABLE

    def __init__(self, message: str, *, retry_after_s: float | None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ManifestNotFound(RegistryError):
    """The registry says that there is no such manifest."""


class RepositoryNotFound(RegistryError):
    """No such repository, or none that we may see: that is not the same as a missing digest."""

    coarse = TroubleKind.UNAUTHORIZED
    hint = "or there is no such repository"


class BadAnswer(RegistryError):
    """An answer that breaks the protocol, or that cannot be told from one that does."""


class DigestMismatch(BadAnswer):
    """The bytes are not those that the digest names: a broken registry, or an attack."""


class Rejected(RegistryError):
    """The registry does not take what was sent, for example because a tag is immutable."""
