"""Questions to a registry (OCI distribution spec 1.1): what a tag names, is a digest there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

from pinnedrelease.core.digest import Digest
from pinnedrelease.core.errors import InvalidDigest
from pinnedrelease.core.reference import Repository
from pinnedrelease.registry.access import Access
from pinnedrelease.registry.answers import Named, error_for
from pinnedrelease.registry.conversation import Conversation, Request
from pinnedrelease.registry.errors import BadAnswer, ManifestNotFound, RegistryError
from pinnedrelease.registry.manifest import ACCEPT, Manifest, read_manifest
from pinnedrelease.registry.transport import Answer

DIGEST_HEADER = "docker-content-digest"
BLIND_FOR_S = 24 * 3600.0
_HEAD_TELLS_NOTHING = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.NOT_ACCEPTABLE,
        HTTPStatus.NOT_IMPLEMENTED,
    }
)


class RegistryClient:
    """Asks, once. Raises RegistryErrors; waiting and repeating are the caller's."""

    def __init__(
        self,
        conversation: Conversation,
        *,
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._conversation = conversation
        self._monotonic = monotonic
        self._now = now
        self._blind_until_s: dict[str, float] = {}
        """Hosts whose HEAD does not name the digest: a GET at once saves the HEAD."""

    async def resolve(self, repository: Repository, tag: str, access: Access) -> Digest:
        """The digest that the registry claims for a tag: a hint, never something to run.

        A HEAD where the registry names the digest (Docker Hub does not count it as a pull), else
        one GET whose bytes are hashed here. Raises ManifestNotFound when there is no such tag.
        """
        if self._monotonic() < self._blind_until_s.get(repository.host, 0.0):
            return (await self.get(repository, tag, access)).digest
        try:
            answer = await self._head(repository, tag, access)
        except _HeadTellsNothing:
            return (await self.get(repository, tag, access)).digest
        try:
            return Digest.parse(answer.headers.get(DIGEST_HEADER, ""))
        except InvalidDigest:
            found = await self.get(repository, tag, access)
        if len(self._blind_until_s) < 1000:  # noqa: PLR2004 - hosts come from tenants
            self._blind_until_s[repository.host] = self._monotonic() + BLIND_FOR_S
        return found.digest

    async def exists(self, repository: Repository, digest: Digest, access: Access) -> bool:
        """Whether the registry has this digest. False only in the registry's own clear words."""
        try:
            answer = await self._head(repository, str(digest), access)
            named = answer.headers.get(DIGEST_HEADER, str(digest))
        except _HeadTellsNothing:
            named = ""
        other_algorithm = bool(named) and named.partition(":")[0] != digest.algorithm
        if named == str(digest) or other_algorithm:
            return True
        try:
            await self.get(repository, str(digest), access)
        except ManifestNotFound:
            return False
        return True

    async def get(self, repository: Repository, reference: str, access: Access) -> Manifest:
        """A manifest or index by tag or digest; by digest, its bytes have been checked."""
        request = manifest_request("GET", repository, reference)
        answer = self.accepted(request, await self._conversation.send(request, access))
        expected = Digest.parse(reference) if ":" in reference else None
        return read_manifest(answer.body, answer.headers.get("content-type", ""), expected)

    async def _head(self, repository: Repository, reference: str, access: Access) -> Answer:
        request = manifest_request("HEAD", repository, reference)
        answer = await self._conversation.send(request, access)
        # The answer to a HEAD has no body that could say why: a GET gets the words.
        if answer.status in _HEAD_TELLS_NOTHING:
            raise _HeadTellsNothing
        return self.accepted(request, answer)

    def accepted(self, request: Request, answer: Answer) -> Answer:
        """The answer if it is a plain 200. Raises what it means otherwise."""
        if answer.status == HTTPStatus.OK:
            return answer
        if answer.status < HTTPStatus.BAD_REQUEST:
            raise BadAnswer(f"{request}: {answer.status}")
        _, _, reference = request.path.partition("manifests/")
        named = Named(request.repository.path, reference)
        raise error_for(
            str(request), answer.status, answer.headers, answer.body, self._now(), named
        )


def manifest_request(method: str, repository: Repository, reference: str) -> Request:
    """A request for a manifest by tag or digest."""
    return Request(
        method=method, repository=repository, path=f"manifests/{reference}", accept=ACCEPT
    )


class _HeadTellsNothing(RegistryError):
    """The registry cannot do HEAD, or has no such manifest: ask with GET."""
