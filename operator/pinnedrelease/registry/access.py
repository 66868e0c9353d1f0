"""On whose behalf a question is asked: the credentials to try, and the certificates to trust."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from pinnedrelease.registry.credentials import Credential

CANDIDATES_LIMIT = 4


@dataclass(frozen=True, slots=True)
class Access:
    """Two accesses are equal when they prove the same: then one answer serves both.

    ``fingerprint`` is keyed with a secret of this process, so that it tells nobody anything.
    Anonymous access has an empty one.
    """

    fingerprint: str = ""
    credentials: tuple[Credential, ...] = field(default=(), compare=False, repr=False)
    certificates: str | None = field(default=None, compare=False, repr=False)
    """Certificates in PEM to trust beside the operator's own."""

    @classmethod
    def of(
        cls,
        key: bytes,
        credentials: tuple[Credential, ...],
        certificates: str | None = None,
    ) -> Access:
        """An access with its fingerprint. At most four credentials are ever tried."""
        tried = credentials[:CANDIDATES_LIMIT]
        if not tried and certificates is None:
            return cls()
        parts = [certificates or ""]
        for one in tried:
            parts += [
                one.username or "", one.password or "", one.identity_token or "",
                one.registry_token or "",
            ]  # fmt: skip
        # The length of each part stands before it: no two lists make the same text.
        text = "".join(f"{len(part)}:{part}" for part in parts)
        fingerprint = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]
        return cls(fingerprint=fingerprint, credentials=tried, certificates=certificates)


ANONYMOUS = Access()
