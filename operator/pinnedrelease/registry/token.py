"""Bearer tokens (distribution, "Token Authentication"): asked for once, kept until they end."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl, urlencode, urlsplit

from pinnedrelease.registry.challenge import Challenge
from pinnedrelease.registry.credentials import Credential
from pinnedrelease.registry.endpoint import Endpoint
from pinnedrelease.registry.errors import BadAnswer, NotAllowed, Unauthorized, Unreachable
from pinnedrelease.registry.host_policy import HostPolicy
from pinnedrelease.registry.transport import Answer, Transport

CACHE_LIMIT = 1000
SHORTEST_LIFE_S = 10.0
LONGEST_LIFE_S = 600.0
DEFAULT_LIFE_S = 60.0
CLIENT_ID = "pinnedrelease"
_FALL_BACK_TO_GET = frozenset({400, 401, 404, 405})


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """Whom a token belongs to. Tokens of one tenant never serve another."""

    tenant: str
    """Names the namespace and the version of the secret; empty for nobody's."""
    authority: str
    scope: str


class TokenStore:
    """Asks token servers and remembers."""

    def __init__(
        self, transport: Transport, policy: HostPolicy, monotonic: Callable[[], float]
    ) -> None:
        self._transport = transport
        self._policy = policy
        self._monotonic = monotonic
        self._kept: OrderedDict[TokenKey, tuple[str, float]] = OrderedDict()

    def known(self, key: TokenKey) -> str | None:
        """A token that is still good, or None."""
        token, ends_at_s = self._kept.get(key, ("", 0.0))
        return token if self._monotonic() < ends_at_s else None

    def forget(self, key: TokenKey) -> None:
        """The registry did not accept it."""
        self._kept.pop(key, None)

    async def fetch(
        self,
        key: TokenKey,
        registry: Endpoint,
        challenge: Challenge,
        credential: Credential | None,
    ) -> str:
        """A new token. Raises a RegistryError.

        Credentials go to the registry's own host or to a listed pair; any other token server is
        asked anonymously, and refused when that is not enough, with the pair that is missing.
        The scope is ours, never the challenge's.
        """
        realm = challenge.get("realm") or ""
        server = self._policy.realm_endpoint(registry, realm)
        trusted = credential if self._policy.may_see_credentials(registry, server) else None
        answer = await self._ask(realm, challenge.get("service"), key.scope, trusted)
        if answer.status != HTTPStatus.OK:
            raise self._refusal(answer, registry, server, withheld=credential is not trusted)
        token, life_s = _read(answer)
        self._kept[key] = (token, self._monotonic() + life_s)
        self._kept.move_to_end(key)
        while len(self._kept) > CACHE_LIMIT:
            self._kept.popitem(last=False)
        return token

    async def _ask(
        self, realm: str, service: str | None, scope: str, credential: Credential | None
    ) -> Answer:
        if credential is not None and credential.identity_token is not None:
            answer = await self._post(realm, service, scope, credential.identity_token)
            if answer.status not in _FALL_BACK_TO_GET or credential.basic is None:
                return answer
        parts = urlsplit(realm)
        own = [pair for pair in parse_qsl(parts.query) if pair[0] not in ("service", "scope")]
        query = [*own, *([("service", service)] if service else []), ("scope", scope)]
        url = parts._replace(query=urlencode(query)).geturl()
        basic = credential.basic if credential is not None else None
        headers = {"Authorization": basic} if basic is not None else {}
        return await self._transport.send("GET", url, headers=headers, redirects=0)

    async def _post(
        self, realm: str, service: str | None, scope: str, identity_token: str
    ) -> Answer:
        form = {
            "grant_type": "refresh_token",
            "client_id": CLIENT_ID,
            "service": service or "",
            "scope": scope,
            "refresh_token": identity_token,
        }
        return await self._transport.send(
            "POST",
            realm,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            content=urlencode(form).encode(),
            redirects=0,
        )

    def _refusal(
        self, answer: Answer, registry: Endpoint, server: Endpoint, *, withheld: bool
    ) -> Exception:
        if withheld:
            return NotAllowed(
                f"{registry.authority} sends its users to the token server {server.authority}, "
                "which is not listed for it; credentials were not sent"
            )
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status == 429:  # noqa: PLR2004
            return Unreachable(f"token server {server.authority}: {answer.status}")
        return Unauthorized(f"token server {server.authority}: {answer.status}")


def _read(answer: Answer) -> tuple[str, float]:
    """Token and life time in seconds of a token server's answer."""
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise BadAnswer("the token server's answer is not JSON") from error
    found = document if isinstance(document, dict) else {}
    token = found.get("token") or found.get("access_token")
    if not isinstance(token, str) or not token.isprintable() or not token.isascii():
        raise BadAnswer("the token server's answer has no token")
    life = found.get("expires_in", DEFAULT_LIFE_S)
    seconds = float(life) if isinstance(life, int | float) else DEFAULT_LIFE_S
    return token, min(max(seconds * 0.9, SHORTEST_LIFE_S), LONGEST_LIFE_S)
