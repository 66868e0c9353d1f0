"""Tags: all of a repository, and another one for a digest that is there. For people, not polls."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

from pinnedrelease.core.digest import Digest
from pinnedrelease.core.reference import Repository, is_tag
from pinnedrelease.registry.access import Access
from pinnedrelease.registry.answers import error_for, next_page
from pinnedrelease.registry.client import RegistryClient
from pinnedrelease.registry.conversation import Conversation, Request
from pinnedrelease.registry.errors import BadAnswer, ManifestNotFound, RegistryError, Rejected
from pinnedrelease.registry.transport import Answer

PAGE = 1000
PAGES_LIMIT = 200
TAGS_LIMIT = 200_000


class TagMovedMeanwhile(RegistryError):
    """Somebody else set the tag at the same time."""


class Tagging:
    """Raises RegistryErrors."""

    def __init__(
        self, conversation: Conversation, client: RegistryClient, now: Callable[[], datetime]
    ) -> None:
        self._conversation = conversation
        self._client = client
        self._now = now

    async def tags(self, repository: Repository, access: Access) -> tuple[str, ...]:
        """All tags, in the order in which the registry names them, each once.

        Raises BadAnswer for a list that does not end (200 pages, 200,000 tags).
        """
        found: dict[str, None] = {}
        path = f"tags/list?n={PAGE}"
        for _ in range(PAGES_LIMIT):
            request = Request(method="GET", repository=repository, path=path)
            answer = await self._conversation.send(request, access)
            if answer.status != HTTPStatus.OK:
                raise self._refusal(request, answer)
            before, page = len(found), _tags_in(answer)
            found.update(dict.fromkeys(page))
            if len(found) > TAGS_LIMIT:
                break
            following = next_page(answer.headers.get("link", ""), answer.url)
            if following is not None:
                path = f"tags/list?{following.partition('?')[2]}"
            elif len(page) == PAGE:
                # A full page without a link proves nothing: ask once more, behind its last tag.
                path = f"tags/list?n={PAGE}&last={page[-1]}"
            else:
                return tuple(found)
            if len(found) == before:
                return tuple(found)
        raise BadAnswer(f"{repository}: the list of tags does not end")

    async def retag(
        self,
        repository: Repository,
        digest: Digest,
        tag: str,
        access: Access,
        *,
        move: bool = False,
    ) -> bool:
        """Give a digest another tag without pulling it. Returns whether anything was written.

        The bytes are those that have this digest. A tag that names other content is moved only
        with ``move``; one that names this content already is left alone, because registries with
        immutable tags refuse even that. There is no compare-and-set: a race is found afterwards.
        Raises Rejected, TagMovedMeanwhile, ManifestNotFound and other RegistryErrors.
        """
        if not is_tag(tag):
            raise Rejected(f"{tag[:140]!r} is not a tag")
        present = await self._present(repository, tag, access)
        if present == digest:
            return False
        if present is not None and not move:
            raise Rejected(f"{repository}:{tag} names {present} already")
        manifest = await self._client.get(repository, str(digest), access)
        request = Request(
            method="PUT",
            repository=repository,
            path=f"manifests/{tag}",
            content=manifest.raw,
            content_type=manifest.media_type,
        )
        answer = await self._conversation.send(request, access)
        if answer.status not in (HTTPStatus.CREATED, HTTPStatus.OK):
            raise self._refusal(request, answer)
        settled = await self._present(repository, tag, access)
        if settled != digest:
            raise TagMovedMeanwhile(f"{repository}:{tag} names {settled}, not {digest}")
        return True

    async def _present(self, repository: Repository, tag: str, access: Access) -> Digest | None:
        try:
            return await self._client.resolve(repository, tag, access)
        except ManifestNotFound:
            return None

    def _refusal(self, request: Request, answer: Answer) -> RegistryError:
        if answer.status < HTTPStatus.BAD_REQUEST:
            return BadAnswer(f"{request}: {answer.status}")
        if request.method == "PUT" and answer.status == HTTPStatus.NOT_FOUND:
            return Rejected(f"{request}: 404, the registry misses a part of the image")
        return error_for(str(request), answer.status, answer.headers, answer.body, self._now())


def _tags_in(answer: Answer) -> list[str]:
    """The tags of one page; ``null`` and nothing both mean none."""
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise BadAnswer("the list of tags is not JSON") from error
    tags = document.get("tags") if isinstance(document, dict) else False
    if tags is None:
        return []
    if not isinstance(tags, list):
        raise BadAnswer("the list of tags is not a list")
    return [tag for tag in tags if isinstance(tag, str) and is_tag(tag)]
