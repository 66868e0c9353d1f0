"""Questions to a registry (OCI distribution spec 1.1): what a tag names, is a digest there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from pinnedrelease.core.digest import Digest
from pinnedrelease.core.errors import InvalidDigest
from pinnedrelease.core.reference import Repository
from pinnedrelease.registry.answers import error_for
from pinnedrelease.registry.challenge import Challenge, parse_challenges
from pinnedrelease.registry.credentials import Credential
from pinnedrelease.registry.endpoint import Endpoint, endpoint_for
from pinnedrelease.registry.errors import (
    BadAnswer,
    ManifestNotFound,
    RegistryError,
    Unauthorized,
)
from pinnedrelease.registry.host_policy import HostPolicy
from pinnedrelease.registry.manifest import ACCEPT, Manifest, read_manifest
from pinnedrelease.registry.token import TokenKey, TokenStore
from pinnedrelease.registry.transport import Answer, Transport

CANDIDATES_TRIED = 4
DIGEST_HEADER = "docker-content-digest"
_HEAD_IS_NO_GOOD = frozenset({400, 405, 501})


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """On whose behalf a question is asked: a tenant and the credentials to try, best first."""

    tenant: str = ""
    credentials: tuple[Credential, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """One request for a manifest."""

    method: str
    registry: Endpoint
    repository: Repository
    reference: str

    @property
    def url(self) -> str:
        return f"{self.registry.url}/v2/{self.repository.path}/manifests/{self.reference}"


class RegistryClient:
    """Asks. Raises RegistryErrors; nothing is repeated but what authentication needs."""

    def __init__(
        self,
        transport: Transport,
        policy: HostPolicy,
        *,
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._transport = transport
        self._policy = policy
        self._tokens = TokenStore(transport, policy, monotonic)
        self._now = now

    async def resolve(self, repository: Repository, tag: str, access: Access) -> Digest:
        """The digest that the registry claims for a tag: a hint, never something to run.

        A HEAD where the registry names the digest (Docker Hub does not count it as a pull), else
        one GET whose bytes are hashed here.
        """
        try:
            answer = await self._ask("HEAD", repository, tag, access)
        except _HeadRefused:
            return (await self.get(repository, tag, access)).digest
        try:
            claimed = Digest.parse(answer.headers.get(DIGEST_HEADER, ""))
        except InvalidDigest:
            return (await self.get(repository, tag, access)).digest
        return claimed

    async def exists(self, repository: Repository, digest: Digest, access: Access) -> bool:
        """Whether the registry has this digest. False only in the registry's own clear words."""
        try:
            answer = await self._ask("HEAD", repository, str(digest), access)
            named = answer.headers.get(DIGEST_HEADER, str(digest))
        except (_HeadRefused, ManifestNotFound, BadAnswer):
            # The answer to a HEAD has no body that could say why: ask for the words.
            return await self._exists_by_get(repository, digest, access)
        other_algorithm = named.partition(":")[0] != digest.algorithm
        if named == str(digest) or other_algorithm:
            return True
        return await self._exists_by_get(repository, digest, access)

    async def get(self, repository: Repository, reference: str, access: Access) -> Manifest:
        """A manifest or index by tag or digest; by digest, its bytes have been checked."""
        answer = await self._ask("GET", repository, reference, access)
        expected: Digest | None = None
        if ":" in reference:
            expected = Digest.parse(reference)
        return read_manifest(answer.body, answer.headers.get("content-type", ""), expected)

    async def _exists_by_get(self, repository: Repository, digest: Digest, access: Access) -> bool:
        try:
            await self.get(repository, str(digest), access)
        except ManifestNotFound:
            return False
        return True

    async def _ask(
        self, method: str, repository: Repository, reference: str, access: Access
    ) -> Answer:
        """Try the credentials in turn; the next one only when one is not accepted."""
        question = _Question(
            method=method,
            registry=endpoint_for(repository, self._policy.plain_http),
            repository=repository,
            reference=reference,
        )
        self._policy.check_registry(question.registry)
        tried: tuple[Credential | None, ...] = access.credentials[:CANDIDATES_TRIED] or (None,)
        refused: RegistryError | None = None
        for position, credential in enumerate(tried):
            tenant = f"{access.tenant}#{position}" if credential is not None else ""
            try:
                return await self._ask_as(question, tenant, credential)
            except Unauthorized as error:
                refused = error
        assert refused is not None, "at least one candidate was tried"  # noqa: S101
        raise refused

    async def _ask_as(
        self, question: _Question, tenant: str, credential: Credential | None
    ) -> Answer:
        scope = f"repository:{question.repository.path}:pull"
        key = TokenKey(tenant=tenant, authority=question.registry.authority, scope=scope)
        token = credential.registry_token if credential else None
        token = token or self._tokens.known(key)
        answer = await self._send(question, f"Bearer {token}" if token else None)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            self._tokens.forget(key)
            authorization = await self._answer_challenge(answer, key, question.registry, credential)
            answer = await self._send(question, authorization)
        return self._checked(question, answer)

    async def _answer_challenge(
        self,
        answer: Answer,
        key: TokenKey,
        registry: Endpoint,
        credential: Credential | None,
    ) -> str:
        challenges = {
            one.scheme: one
            for one in reversed(parse_challenges(answer.headers.get("www-authenticate", "")))
        }
        bearer: Challenge | None = challenges.get("bearer")
        if bearer is not None:
            return f"Bearer {await self._tokens.fetch(key, registry, bearer, credential)}"
        basic = credential.basic if credential is not None else None
        if "basic" in challenges and basic is not None:
            return basic
        raise Unauthorized(f"{registry.authority} wants credentials that we do not have")

    async def _send(self, question: _Question, authorization: str | None) -> Answer:
        headers = {"Accept": ACCEPT}
        if authorization is not None:
            headers["Authorization"] = authorization
        return await self._transport.send(question.method, question.url, headers=headers)

    def _checked(self, question: _Question, answer: Answer) -> Answer:
        if answer.status == HTTPStatus.OK:
            return answer
        if question.method == "HEAD" and answer.status in _HEAD_IS_NO_GOOD:
            raise _HeadRefused
        what = f"{question.repository}:{question.reference}"
        if answer.status < HTTPStatus.BAD_REQUEST:
            raise BadAnswer(f"{what}: {answer.status}")
        raise error_for(what, answer.status, answer.headers, answer.body, self._now())


class _HeadRefused(RegistryError):
    """The registry cannot do HEAD: ask with GET."""
