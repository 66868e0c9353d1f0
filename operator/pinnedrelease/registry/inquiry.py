"""The two questions that are asked again and again, and what an answer to them is worth."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum, auto

from pinnedrelease.core.digest import Digest
from pinnedrelease.core.proof import Content
from pinnedrelease.core.reference import Repository
from pinnedrelease.core.registry import Presence, Trouble
from pinnedrelease.registry.access import Access
from pinnedrelease.registry.client import RegistryClient
from pinnedrelease.registry.errors import ManifestNotFound, RegistryError
from pinnedrelease.registry.manifest import Manifest

CONTENTS_LIMIT = 10_000
HINT_LIMIT = 500


class Subject(Enum):
    """What a question is about."""

    TAG = auto()
    """Where does this tag point?"""
    DIGEST = auto()
    """Is this digest there?"""


@dataclass(frozen=True, slots=True)
class Question:
    """Equal questions are asked once, however many PinnedReleases want the answer."""

    subject: Subject
    repository: Repository
    reference: str
    access: Access

    def __str__(self) -> str:
        separator = ":" if self.subject is Subject.TAG else "@"
        return f"{self.repository}{separator}{self.reference}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A clear answer."""

    presence: Presence
    digest: Digest | None = None
    """What a tag points at."""
    content: Content | None = None
    """What is in a digest, as far as it has been read."""


class Inquiry:
    """Asks the questions. What a digest contains is read once and remembered for ever."""

    def __init__(self, client: RegistryClient) -> None:
        self._client = client
        self._contents: OrderedDict[Digest, Content] = OrderedDict()

    async def ask(self, question: Question, *, with_content: bool) -> Reply:
        """One answer. Raises RegistryErrors for everything that is not clear.

        ``with_content`` makes the first question about a digest a GET, which says what is in it;
        every later one is a HEAD.
        """
        try:
            if question.subject is Subject.TAG:
                return await self._tag(question)
            return await self._digest(question, with_content=with_content)
        except ManifestNotFound:
            return Reply(presence=Presence.MISSING)

    async def _tag(self, question: Question) -> Reply:
        digest = await self._client.resolve(
            question.repository, question.reference, question.access
        )
        return Reply(presence=Presence.FOUND, digest=digest)

    async def _digest(self, question: Question, *, with_content: bool) -> Reply:
        digest = Digest.parse(question.reference)
        if with_content and digest not in self._contents:
            manifest = await self._client.get(
                question.repository, question.reference, question.access
            )
            self._remember(manifest)
        elif not await self._client.exists(question.repository, digest, question.access):
            return Reply(presence=Presence.MISSING)
        return Reply(presence=Presence.FOUND, content=self._contents.get(digest))

    def _remember(self, manifest: Manifest) -> None:
        self._contents[manifest.digest] = Content(
            digest=manifest.digest,
            platforms=tuple((one.platform, one.digest) for one in manifest.children),
            config=manifest.config,
        )
        while len(self._contents) > CONTENTS_LIMIT:
            self._contents.popitem(last=False)


def trouble_of(error: RegistryError) -> Trouble:
    """The part of an error that every owner of a PinnedRelease may read."""
    return Trouble(kind=error.coarse, hint=error.hint[:HINT_LIMIT])
