"""What the watch has told, and who waits for news of it. One event loop, so no locks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from pinnedrelease.core.observed import Release

Key = tuple[str, str]
"""Namespace and name."""


class News:
    """What has changed since one reader looked last. It never holds more than every key once."""

    def __init__(self) -> None:
        self._keys: set[Key] = set()
        self._came = asyncio.Event()

    def tell(self, keys: Iterable[Key]) -> None:
        """These have changed; none at all: only the trouble has."""
        self._keys.update(keys)
        self._came.set()

    async def wait(self, timeout_s: float) -> bool:
        """Wait for news. Returns whether there are any."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._came.wait()
        except TimeoutError:
            return False
        return True

    def take(self) -> frozenset[Key]:
        """The keys that have changed, which then are news no more."""
        taken = frozenset(self._keys)
        self._keys.clear()
        self._came.clear()
        return taken


class Board:
    """The PinnedReleases that are known, and what keeps us from knowing more."""

    def __init__(self) -> None:
        self._releases: dict[Key, Release] = {}
        self._readers: set[News] = set()
        self._trouble: str | None = None

    @property
    def trouble(self) -> str | None:
        """Why what is shown may be old; None while the watch is open."""
        return self._trouble

    def find(self, key: Key) -> Release | None:
        """One PinnedRelease, or None."""
        return self._releases.get(key)

    def all(self, namespace: str | None = None) -> list[Release]:
        """All, or those of a namespace, in the order of their names."""
        return [
            release
            for key, release in sorted(self._releases.items())
            if namespace in (None, key[0])
        ]

    def replace_all(self, releases: Iterable[Release]) -> None:
        """These are all that there are."""
        found = {(one.namespace, one.name): one for one in releases}
        changed = {
            key
            for key in self._releases.keys() | found.keys()
            if _version(self._releases.get(key)) != _version(found.get(key))
        }
        self._releases = found
        self._tell(changed)

    def put(self, release: Release) -> None:
        """This one has been added or has changed."""
        key = (release.namespace, release.name)
        if _version(self._releases.get(key)) != _version(release):
            self._releases[key] = release
            self._tell({key})

    def remove(self, key: Key) -> None:
        """This one is gone."""
        if self._releases.pop(key, None) is not None:
            self._tell({key})

    def set_trouble(self, trouble: str | None) -> None:
        """The watch works (None), or why it does not."""
        if trouble != self._trouble:
            self._trouble = trouble
            for reader in self._readers:
                reader.tell(())

    @contextmanager
    def news(self) -> Iterator[News]:
        """News from now on, for one reader."""
        reader = News()
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)

    def _tell(self, keys: set[Key]) -> None:
        if keys:
            for reader in self._readers:
                reader.tell(keys)


def _version(release: Release | None) -> tuple[str, str] | None:
    """A name may be used again by another object."""
    return None if release is None else (release.uid, release.resource_version)
