"""Which credentials were refused where: a password that is sent ever again locks an account."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable

from pinnedrelease.registry.credentials import Credential

REFUSED_RETRY_S = 900.0
"""A question that was refused comes again after this time; one with another Secret at once."""
REMEMBERED_S = REFUSED_RETRY_S - 60.0
"""Shorter than that by what a question may take: else each second attempt would not be made."""
LIMIT = 1000
EVERYTHING = ""
"""The scope of a refusal that is about the credential itself."""


class Refusals:
    """Remembers refusals for 14 minutes. A credential is kept as its fingerprint only."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._key = secrets.token_bytes(32)
        self._until_s: OrderedDict[tuple[str, str, str], float] = OrderedDict()

    def note(self, place: str, credential: Credential, scope: str = EVERYTHING) -> None:
        """The credential was refused at a place, for one scope or altogether."""
        key = (place, self._fingerprint(credential), scope)
        self._until_s[key] = self._monotonic() + REMEMBERED_S
        self._until_s.move_to_end(key)
        while len(self._until_s) > LIMIT:
            self._until_s.popitem(last=False)

    def knows(self, place: str, credential: Credential, scope: str) -> bool:
        """Whether it is known that the credential would be refused."""
        now_s, who = self._monotonic(), self._fingerprint(credential)
        return any(now_s < self._until_s.get((place, who, one), 0.0) for one in (scope, EVERYTHING))

    def _fingerprint(self, credential: Credential) -> str:
        parts = (credential.username, credential.password, credential.identity_token)
        # The length of each part stands before it: no two lists make the same text.
        text = "".join(f"{len(part or '')}:{part or ''}" for part in parts)
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()
