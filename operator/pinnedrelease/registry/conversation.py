"""One request to a registry with everything that authentication needs, and nothing else."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from http import HTTPStatus

from pinnedrelease.core.reference import Repository
from pinnedrelease.registry.access import Access
from pinnedrelease.registry.answers import says_no_repository
from pinnedrelease.registry.challenge import Challenge, parse_challenges
from pinnedrelease.registry.credentials import Credential
from pinnedrelease.registry.endpoint import Endpoint, endpoint_for
from pinnedrelease.registry.errors import RegistryError, Unauthorized
from pinnedrelease.registry.host_policy import HostPolicy
from pinnedrelease.registry.sends import Sends
from pinnedrelease.registry.token import TokenKey, TokenStore
from pinnedrelease.registry.transport import REDIRECTS, Answer

REMEMBERED = 1000
_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_OLD_TOKEN = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN})
"""Some registries answer so, without a challenge, to a token that has expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to ask of a repository; ``path`` comes after ``/v2/<repository>/``."""

    method: str
    repository: Repository
    path: str
    accept: str = "application/json"
    content: bytes | None = None
    content_type: str = ""
    redirects: int = REDIRECTS

    @property
    def scope(self) -> str:
        """What a token has to allow: ours to say, never the challenge's."""
        actions = "pull,push" if self.method == "PUT" else "pull"
        return f"repository:{self.repository.path}:{actions}"

    def __str__(self) -> str:
        return f"{self.method} {self.repository} {self.path}"


class Conversation:
    """Sends requests under an access: its credentials in turn, then without any.

    Remembered per registry: the last challenge, so that the next request comes with its
    authorization; per repository and access: the credential that was accepted.
    """

    def __init__(self, transport: Sends, policy: HostPolicy, tokens: TokenStore) -> None:
        self._transport = transport
        self._policy = policy
        self._tokens = tokens
        self._challenges: OrderedDict[str, Challenge] = OrderedDict()
        self._accepted: OrderedDict[tuple[Repository, Access], int] = OrderedDict()

    async def send(self, request: Request, access: Access) -> Answer:
        """The answer, whatever its status. Raises RegistryErrors.

        The next credential is tried only when one is refused, or is told that there is no such
        repository: never after a time-out or a 429. A 404 to nobody, beside a refused credential,
        is that refusal: registries hide from strangers what is there. What a credential is told
        of the repository stands, whoever else is refused: it holds for more than "refused".
        """
        registry = endpoint_for(request.repository, self._policy.plain_http)
        self._policy.check_registry(registry)
        candidates: tuple[Credential | None, ...] = (*access.credentials, None)
        place = (request.repository, access)
        first = min(self._accepted.get(place, 0), len(candidates) - 1)
        failure: Unauthorized | None = None
        refused: Answer | None = None
        absent: Answer | None = None
        hidden: Answer | None = None
        for number in (first, *(one for one in range(len(candidates)) if one != first)):
            credential = candidates[number]
            try:
                answer = await self._send_as(request, registry, access, number, credential)
            except Unauthorized as error:
                failure = error if failure is None or not failure.hint else failure
                continue
            if answer.status in _REFUSED:
                refused = refused or answer
            elif credential is None and answer.status == HTTPStatus.NOT_FOUND:
                hidden = answer
            elif answer.status == HTTPStatus.NOT_FOUND and says_no_repository(answer.body):
                absent = absent or answer
            else:
                if answer.status < HTTPStatus.BAD_REQUEST:
                    _remember(self._accepted, place, number)
                return answer
        if failure is not None and (absent is None or failure.hint):
            raise failure
        last = absent or refused or hidden
        assert last is not None, "there is always one candidate"  # noqa: S101
        return last

    async def _send_as(
        self,
        request: Request,
        registry: Endpoint,
        access: Access,
        number: int,
        credential: Credential | None,
    ) -> Answer:
        owner = f"{access.fingerprint}#{number}" if credential is not None else ""
        key = TokenKey(owner=owner, authority=registry.authority, scope=request.scope)
        kept = self._tokens.known(key)
        authorization = f"Bearer {kept}" if kept else None
        is_fresh, failure = False, None
        remembered = self._challenges.get(registry.authority)
        if authorization is None and remembered is not None:
            try:
                authorization = await self._authorization(
                    remembered, key, registry, access, credential, None
                )
            except RegistryError as error:
                # The registry may have another token server by now, and says so when it is asked.
                failure = error
            is_fresh = authorization is not None
        answer = await self._send_with(request, registry, access, authorization)
        self._note_refusal(answer, request, registry, credential, authorization)
        if failure is not None and answer.status == HTTPStatus.NOT_FOUND:
            # That is what strangers are told: it is no answer to a credential that was not taken.
            raise failure
        is_old = authorization is not None and not is_fresh and answer.status in _OLD_TOKEN
        if is_old:
            bare = await self._send_with(request, registry, access, None)
            if bare.status == HTTPStatus.NOT_FOUND and remembered is not None:
                # What nobody in particular may not see says nothing about us.
                authorization = await self._authorization(
                    remembered, key, registry, access, credential, kept
                )
                return await self._send_with(request, registry, access, authorization)
            answer = bare
        if answer.status != HTTPStatus.UNAUTHORIZED:
            return answer
        challenge = _best_challenge(answer)
        is_known = challenge is None or (remembered is not None and challenge.is_like(remembered))
        if failure is not None and is_known:
            raise failure
        if challenge is None or (is_fresh and is_known):
            return answer
        _remember(self._challenges, registry.authority, challenge)
        authorization = await self._authorization(
            challenge, key, registry, access, credential, kept
        )
        if authorization is None:
            return answer
        answer = await self._send_with(request, registry, access, authorization)
        self._note_refusal(answer, request, registry, credential, authorization)
        return answer

    def _note_refusal(
        self,
        answer: Answer,
        request: Request,
        registry: Endpoint,
        credential: Credential | None,
        authorization: str | None,
    ) -> None:
        """Only 401, and only here: some registries answer 403 about what is missing."""
        is_refused = authorization is not None and answer.status == HTTPStatus.UNAUTHORIZED
        if is_refused and credential is not None and authorization == credential.basic:
            self._tokens.refusals.note(registry.authority, credential, request.scope)

    async def _authorization(
        self,
        challenge: Challenge,
        key: TokenKey,
        registry: Endpoint,
        access: Access,
        credential: Credential | None,
        refused: str | None,
    ) -> str | None:
        """The value of the Authorization header that answers a challenge; None without one.

        Raises Unauthorized for a password that was refused a moment ago, and what tokens raise.
        """
        if credential is not None and credential.registry_token is not None:
            return f"Bearer {credential.registry_token}"
        if challenge.scheme == "basic":
            if credential is None:
                return None
            if self._tokens.refusals.knows(registry.authority, credential, key.scope):
                raise Unauthorized(f"{registry.authority} has refused this credential")
            return credential.basic
        token = await self._tokens.token(
            key, registry, challenge, credential, access.certificates, refused
        )
        return f"Bearer {token}"

    async def _send_with(
        self, request: Request, registry: Endpoint, access: Access, authorization: str | None
    ) -> Answer:
        headers = {"Accept": request.accept}
        if request.content_type:
            headers["Content-Type"] = request.content_type
        if authorization is not None:
            headers["Authorization"] = authorization
        return await self._transport.send(
            request.method,
            f"{registry.url}/v2/{request.repository.path}/{request.path}",
            headers=headers,
            content=request.content,
            redirects=request.redirects,
            certificates=access.certificates,
        )


def _best_challenge(answer: Answer) -> Challenge | None:
    """Bearer before Basic; other schemes are none of ours."""
    offered = parse_challenges(answer.headers.get("www-authenticate", ""))
    for scheme in ("bearer", "basic"):
        for challenge in offered:
            if challenge.scheme == scheme:
                return challenge
    return None


def _remember(kept: OrderedDict, key: object, value: object) -> None:  # type: ignore[type-arg]
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > REMEMBERED:
        kept.popitem(last=False)
