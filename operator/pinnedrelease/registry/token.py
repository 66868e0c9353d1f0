"""Bearer tokens (distribution, "Token Authentication"): asked for once, kept until they end."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from urllib.parse import parse_qsl, urlencode, urlsplit
from weakref import WeakValueDictionary

from pinnedrelease.registry.answers import error_for
from pinnedrelease.registry.challenge import Challenge
from pinnedrelease.registry.credentials import TOKEN, Credential
from pinnedrelease.registry.endpoint import Endpoint
from pinnedrelease.registry.errors import (
    BadAnswer,
    RegistryError,
    TokenHostNotListed,
    Unauthorized,
)
from pinnedrelease.registry.host_policy import HostPolicy
from pinnedrelease.registry.refusals import Refusals
from pinnedrelease.registry.sends import Sends
from pinnedrelease.registry.transport import Answer

CACHE_LIMIT = 1000
SHORTEST_LIFE_S = 10.0
LONGEST_LIFE_S = 600.0
DEFAULT_LIFE_S = 60.0
CLIENT_ID = "pinnedrelease"
_FALL_BACK_TO_GET = frozenset({400, 401, 404, 405})


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """Whom a token belongs to. A token got with one credential never serves another."""

    owner: str
    """Names the credential by its fingerprint; empty for nobody's."""
    authority: str
    scope: str


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request to a token server."""

    realm: str
    service: str | None
    scope: str
    credential: Credential | None
    certificates: str | None


class TokenStore:
    """Asks token servers and remembers. At most one request for one key at a time."""

    def __init__(
        self,
        transport: Sends,
        policy: HostPolicy,
        *,
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._transport = transport
        self._policy = policy
        self._monotonic = monotonic
        self._now = now
        self._kept: OrderedDict[TokenKey, tuple[str, float]] = OrderedDict()
        self.refusals = Refusals(monotonic)
        self._locks: WeakValueDictionary[TokenKey, asyncio.Lock] = WeakValueDictionary()

    def known(self, key: TokenKey) -> str | None:
        """A token that is still good, or None."""
        token, ends_at_s = self._kept.get(key, ("", 0.0))
        return token if self._monotonic() < ends_at_s else None

    async def token(
        self,
        key: TokenKey,
        registry: Endpoint,
        challenge: Challenge,
        credential: Credential | None,
        certificates: str | None = None,
        refused: str | None = None,
    ) -> str:
        """A token other than the refused one. Raises a RegistryError.

        Credentials go to the registry's own host or to a listed pair; any other token server is
        asked anonymously, and when that is not enough the error names the pair that is missing.
        The scope is ours, never the challenge's.
        """
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            known = self.known(key)
            if known is not None and known != refused:
                return known
            self._kept.pop(key, None)
            return await self._fetch(key, registry, challenge, credential, certificates)

    async def _fetch(
        self,
        key: TokenKey,
        registry: Endpoint,
        challenge: Challenge,
        credential: Credential | None,
        certificates: str | None,
    ) -> str:
        realm = challenge.get("realm") or ""
        server = self._policy.realm_endpoint(registry, realm)
        trusted = credential if self._policy.may_see_credentials(registry, server) else None
        asked = _Asked(realm, challenge.get("service"), key.scope, trusted, certificates)
        if trusted is not None and self.refusals.knows(realm, trusted, key.scope):
            raise Unauthorized(f"token server {server.authority} has refused this credential")
        answer = await self._ask(asked)
        if answer.status != HTTPStatus.OK:
            if trusted is not None:
                self._note_refusal(answer, realm, trusted, key.scope)
            if credential is not trusted:
                raise TokenHostNotListed(registry.authority, server.authority)
            raise self._refusal(answer, server)
        token, life_s = _read(answer)
        self._kept[key] = (token, self._monotonic() + life_s)
        self._kept.move_to_end(key)
        while len(self._kept) > CACHE_LIMIT:
            self._kept.popitem(last=False)
        return token

    def _note_refusal(self, answer: Answer, realm: str, credential: Credential, scope: str) -> None:
        if answer.status == HTTPStatus.UNAUTHORIZED:
            self.refusals.note(realm, credential)
        elif answer.status == HTTPStatus.FORBIDDEN:
            self.refusals.note(realm, credential, scope)

    async def _ask(self, asked: _Asked) -> Answer:
        credential = asked.credential
        if credential is not None and credential.identity_token is not None:
            answer = await self._post(asked, credential.identity_token)
            if answer.status not in _FALL_BACK_TO_GET or credential.basic is None:
                return answer
        parts = urlsplit(asked.realm)
        own = [pair for pair in parse_qsl(parts.query) if pair[0] not in ("service", "scope")]
        service = [("service", asked.service)] if asked.service else []
        query = urlencode([*own, *service, ("scope", asked.scope)])
        basic = credential.basic if credential is not None else None
        return await self._transport.send(
            "GET",
            parts._replace(query=query).geturl(),
            headers={"Authorization": basic} if basic is not None else {},
            redirects=0,
            certificates=asked.certificates,
        )

    async def _post(self, asked: _Asked, identity_token: str) -> Answer:
        form = {
            "grant_type": "refresh_token",
            "client_id": CLIENT_ID,
            "service": asked.service or "",
            "scope": asked.scope,
            "refresh_token": identity_token,
        }
        return await self._transport.send(
            "POST",
            asked.realm,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            content=urlencode(form).encode(),
            redirects=0,
            certificates=asked.certificates,
        )

    def _refusal(self, answer: Answer, server: Endpoint) -> RegistryError:
        what = f"token server {server.authority}"
        status = answer.status
        is_pause = status == HTTPStatus.TOO_MANY_REQUESTS
        if is_pause or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return error_for(what, status, answer.headers, b"", self._now())
        return Unauthorized(f"{what}: {status}")


def _read(answer: Answer) -> tuple[str, float]:
    """Token and life time in seconds of a token server's answer."""
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise BadAnswer("the token server's answer is not JSON") from error
    found = document if isinstance(document, dict) else {}
    token = found.get("token") or found.get("access_token")
    if not isinstance(token, str) or not TOKEN.fullmatch(token):
        raise BadAnswer("the token server's answer has no token")
    life = found.get("expires_in", DEFAULT_LIFE_S)
    seconds = float(life) if isinstance(life, int | float) else DEFAULT_LIFE_S
    return token, min(max(seconds * 0.9, SHORTEST_LIFE_S), LONGEST_LIFE_S)
