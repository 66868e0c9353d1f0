"""What refers to a digest: signatures, attestations, bills of materials.

Source: distribution spec, "Listing Referrers". Registries without the API keep the same list under
a tag made from the digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from pinnedrelease.core.digest import Digest
from pinnedrelease.core.errors import InvalidDigest
from pinnedrelease.core.reference import Repository
from pinnedrelease.registry.access import Access
from pinnedrelease.registry.answers import next_page
from pinnedrelease.registry.client import RegistryClient
from pinnedrelease.registry.conversation import Conversation, Request
from pinnedrelease.registry.errors import BadAnswer, ManifestNotFound
from pinnedrelease.registry.manifest import OCI_INDEX, json_object

PAGES_LIMIT = 50
REFERRERS_LIMIT = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Referrer:
    """One descriptor of the list."""

    digest: Digest
    artifact_type: str
    """Empty when the list does not say: older clients left it out."""


class Referrers:
    """Raises RegistryErrors; a registry that knows none of this has no referrers."""

    def __init__(self, conversation: Conversation, client: RegistryClient) -> None:
        self._conversation = conversation
        self._client = client

    async def of(
        self, repository: Repository, digest: Digest, access: Access, artifact_type: str = ""
    ) -> tuple[Referrer, ...]:
        """What refers to a digest, of one type or of all."""
        found = await self._by_api(repository, digest, access)
        if found is None:
            found = await self._by_tag(repository, digest, access)
        return tuple(
            one for one in found if not artifact_type or one.artifact_type == artifact_type
        )

    async def _by_api(
        self, repository: Repository, digest: Digest, access: Access
    ) -> list[Referrer] | None:
        """The answer of the API; None where there is no API, whatever stands in its place.

        A redirect is not followed: one registry sends the question to a web page of its own.
        """
        found: list[Referrer] = []
        path = f"referrers/{digest}"
        for _ in range(PAGES_LIMIT):
            request = Request(
                method="GET", repository=repository, path=path, accept=OCI_INDEX, redirects=0
            )
            try:
                answer = await self._conversation.send(request, access)
            except BadAnswer:
                return None
            kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            if answer.status != HTTPStatus.OK or kind != OCI_INDEX:
                if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                    self._client.accepted(request, answer)
                if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
                    self._client.accepted(request, answer)
                return None
            found += _descriptors(json_object(answer.body))
            following = next_page(answer.headers.get("link", ""), answer.url)
            if following is None:
                return found
            path = f"referrers/{digest}?{following.partition('?')[2]}"
        raise BadAnswer(f"{repository}: the list of referrers does not end")

    async def _by_tag(
        self, repository: Repository, digest: Digest, access: Access
    ) -> list[Referrer]:
        try:
            manifest = await self._client.get(repository, fallback_tag(digest), access)
        except (ManifestNotFound, BadAnswer):
            return []
        return _descriptors(json_object(manifest.raw)) if manifest.is_index else []


def fallback_tag(digest: Digest) -> str:
    """The tag under which clients keep the list (spec, "Referrers Tag Schema")."""
    return f"{digest.algorithm[:32]}-{digest.encoded[:64]}"


def _descriptors(document: Mapping[str, object]) -> list[Referrer]:
    entries = document.get("manifests")
    if not isinstance(entries, list):
        raise BadAnswer("the list of referrers has no manifests")
    found: list[Referrer] = []
    for entry in entries[:REFERRERS_LIMIT]:
        if not isinstance(entry, dict):
            continue
        kind, text = entry.get("artifactType"), entry.get("digest")
        try:
            digest = Digest.parse(text if isinstance(text, str) else "")
        except InvalidDigest:
            continue
        found.append(Referrer(digest=digest, artifact_type=kind if isinstance(kind, str) else ""))
    return found
