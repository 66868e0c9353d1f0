"""One look at a PinnedRelease from outside: the cluster and the registry, asked once."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from pinnedrelease.cli.connection import Connection
from pinnedrelease.cli.errors import CommandError
from pinnedrelease.cli.registry_access import Asker, asking
from pinnedrelease.cluster.errors import Forbidden
from pinnedrelease.cluster.pods import OwnedPod
from pinnedrelease.core.digest import Digest
from pinnedrelease.core.effective import effective_pin
from pinnedrelease.core.observed import Observed, Release
from pinnedrelease.core.pin import DesiredPin, Pin
from pinnedrelease.core.pods import Pod, current_pods
from pinnedrelease.core.proof import Content, Contents, reported
from pinnedrelease.core.reference import Repository
from pinnedrelease.core.registry import (
    Fact,
    Presence,
    RegistryCheck,
    RegistryFacts,
    TagContent,
    Trouble,
    TroubleKind,
)
from pinnedrelease.core.workload import Workload
from pinnedrelease.reconcile.clock import SystemClock
from pinnedrelease.registry.errors import ManifestNotFound, RegistryError
from pinnedrelease.registry.inquiry import trouble_of
from pinnedrelease.registry.manifest import Manifest

AT_ONCE = 8
CHILDREN_READ = 16
"""So many platforms of an index are read when a runtime reports configurations alone."""


class Surveyor:
    """Looks at many PinnedReleases; each list of pods and each repository is opened once."""

    def __init__(
        self,
        given: argparse.Namespace,
        connection: Connection,
        stack: AsyncExitStack,
        *,
        with_pods: bool,
        with_registry: bool,
    ) -> None:
        self._given = given
        self._connection = connection
        self._stack = stack
        self._with_pods = with_pods
        self._with_registry = with_registry
        self._pods: dict[str, asyncio.Task[list[OwnedPod] | None]] = {}
        self._askers: dict[Repository, Asker] = {}
        self._opening = asyncio.Lock()
        self._limit = asyncio.Semaphore(AT_ONCE)
        self.unread: dict[str, str] = {}
        """Namespaces whose pods were wanted and could not be read, and why."""

    async def observe(self, release: Release, others: tuple[Release, ...] = ()) -> Observed:
        """Everything that verifying it needs. ``others`` may have the same target."""
        spec = release.spec
        if not isinstance(spec, DesiredPin):
            return Observed(release=release, workload=None)
        async with self._limit:
            workload = await self._connection.reader.workload(spec.target, release.namespace)
            pods = await self._pods_of(release.namespace, workload)
            facts = RegistryFacts()
            if self._with_registry and spec.registry.check is not RegistryCheck.NONE:
                pin = effective_pin(spec, release.status, release.generation).pin
                facts = await self._facts(pin, spec.registry.check, pods or ())
        rivals = tuple(
            one
            for one in others
            if one.namespace == release.namespace
            and one.uid != release.uid
            and isinstance(one.spec, DesiredPin)
            and one.spec.target == spec.target
        )
        return Observed(
            release=release, workload=workload, pods=pods, registry=facts, rivals=rivals
        )

    async def _pods_of(self, namespace: str, workload: Workload | None) -> tuple[Pod, ...] | None:
        if workload is None or not self._with_pods:
            return None
        if namespace not in self._pods:
            self._pods[namespace] = asyncio.create_task(self._listed(namespace))
        listed = await self._pods[namespace]
        if listed is None:
            return None
        return tuple(
            one.pod for one in listed if one.target == workload.target and one.belongs_to(workload)
        )

    async def _listed(self, namespace: str) -> list[OwnedPod] | None:
        try:
            return await self._connection.lister.owned_pods(namespace)
        except Forbidden as error:
            self.unread[namespace] = str(error)
            return None

    async def _facts(self, pin: Pin, check: RegistryCheck, pods: tuple[Pod, ...]) -> RegistryFacts:
        try:
            asker = await self._asker(pin.repository)
        except CommandError as error:
            # An address that cannot be one is a matter of this PinnedRelease alone.
            trouble = Trouble(kind=TroubleKind.UNREACHABLE, hint=str(error))
            now_s = SystemClock().monotonic_s()
            silent = Fact(trouble=trouble, asked_since_s=now_s)
            return RegistryFacts(digest=silent, tag=silent)
        return await _Look(asker, pin, check).facts(pods)

    async def _asker(self, repository: Repository) -> Asker:
        async with self._opening:
            if repository not in self._askers:
                self._askers[repository] = await self._stack.enter_async_context(
                    asking(self._given, repository)
                )
            return self._askers[repository]


@asynccontextmanager
async def surveying(
    given: argparse.Namespace, connection: Connection, *, with_pods: bool, with_registry: bool
) -> AsyncIterator[Surveyor]:
    """A surveyor whose connections are closed at the end."""
    async with AsyncExitStack() as stack:
        yield Surveyor(given, connection, stack, with_pods=with_pods, with_registry=with_registry)


class _Look:
    """The questions about one pair, each asked once; no answer twice from memory."""

    def __init__(self, asker: Asker, pin: Pin, check: RegistryCheck) -> None:
        self._asker = asker
        self._pin = pin
        self._check = check
        self._now_s = SystemClock().monotonic_s()
        self._contents: dict[Digest, Content] = {}

    async def facts(self, pods: tuple[Pod, ...]) -> RegistryFacts:
        """What the registry says of the pair, and of what pods report beside it."""
        pinned = self._pin.digest.digest
        digest = await self._digest(pinned)
        tag, tag_content = Fact(), None
        if self._check is RegistryCheck.TAG_AND_DIGEST:
            tag = await self._tag()
            if tag.digest is not None and tag.digest != pinned:
                tag_content = await self._content_of_tag(tag.digest)
        await self._read_reported(pods)
        return RegistryFacts(
            tag=tag,
            tag_content=tag_content,
            digest=digest,
            contents=Contents(by_digest=self._contents),
        )

    async def _digest(self, digest: Digest) -> Fact:
        try:
            self._remember(await self._asker.manifest(digest))
        except ManifestNotFound:
            self._contents[digest] = Content(digest=digest, is_missing=True)
            return self._answer(Presence.MISSING)
        except RegistryError as error:
            return self._trouble(error)
        return self._answer(Presence.FOUND)

    async def _tag(self) -> Fact:
        try:
            digest = await self._asker.resolve(self._pin.tag)
        except RegistryError as error:
            return self._trouble(error)
        return self._answer(Presence.MISSING if digest is None else Presence.FOUND, digest)

    async def _content_of_tag(self, digest: Digest) -> TagContent:
        fact = await self._digest(digest)
        content = self._contents.get(digest)
        platforms = content.platforms if content is not None else ()
        return TagContent(
            digest=digest, fact=fact, manifests=tuple(manifest for _, manifest in platforms)
        )

    async def _read_reported(self, pods: tuple[Pod, ...]) -> None:
        """What is in the digests that runtimes report, as far as it proves anything."""
        found = [
            one
            for pod in current_pods(pods)
            for container in pod.containers
            if (one := reported(container.image_id)) is not None
        ]
        wanted = {one.digest for one in found if not one.is_config}
        if any(one.is_config for one in found):
            pinned = self._contents.get(self._pin.digest.digest)
            platforms = pinned.platforms if pinned is not None else ()
            wanted |= {manifest for _, manifest in platforms[:CHILDREN_READ]}
        for digest in sorted(wanted - self._contents.keys(), key=str):
            await self._digest(digest)

    def _remember(self, manifest: Manifest) -> None:
        self._contents[manifest.digest] = Content(
            digest=manifest.digest,
            platforms=tuple((one.platform, one.digest) for one in manifest.children),
            config=manifest.config,
        )

    def _answer(self, presence: Presence, digest: Digest | None = None) -> Fact:
        return Fact(
            presence=presence,
            digest=digest,
            answered_at_s=self._now_s,
            asked_since_s=self._now_s,
        )

    def _trouble(self, error: RegistryError) -> Fact:
        return Fact(trouble=trouble_of(error), asked_since_s=self._now_s)
