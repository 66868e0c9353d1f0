"""Which PinnedReleases would declare what the workloads of a namespace run now."""

from __future__ import annotations

import argparse
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from pinnedrelease.cli.connection import Connection
from pinnedrelease.cli.errors import CommandError
from pinnedrelease.cli.output import progress
from pinnedrelease.cli.registry_access import Asker, asking
from pinnedrelease.cli.release_text import NewRelease
from pinnedrelease.cli.running import Image, RunningPair, running_pair
from pinnedrelease.cluster.errors import Forbidden, NotFound
from pinnedrelease.cluster.pods import OwnedPod
from pinnedrelease.core.effective import effective_pin
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import DesiredPin, DriftPolicy, Target, TargetKind
from pinnedrelease.core.pods import Pod, current_pods
from pinnedrelease.core.reference import Repository
from pinnedrelease.core.selection import select_containers
from pinnedrelease.core.workload import Container, Workload
from pinnedrelease.registry.errors import RegistryError


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A PinnedRelease that declares what runs."""

    release: NewRelease
    grounds: str
    rolls_out: bool
    """Enforcing it changes the template, from a tag to the digest of the same content."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A workload, or some containers of it, for which nothing is proposed."""

    target: Target
    reason: str
    is_fine: bool = False
    """Nothing needs to be done: it has its PinnedRelease."""
    is_unknown: bool = False
    """A registry does not answer; another attempt may succeed."""


async def propose(
    given: argparse.Namespace, connection: Connection, wanted: tuple[Target, ...]
) -> tuple[list[Proposal], list[Skipped]]:
    """A proposal for each workload and repository. Raises CommandErrors and ClusterErrors.

    ``wanted`` empty: every workload of the namespace.
    """
    workloads = await _workloads(connection, wanted)
    if not workloads:
        raise CommandError(f"there is no workload in namespace {connection.namespace}")
    releases = await _releases(connection)
    owned = await connection.lister.owned_pods(connection.namespace)
    async with AsyncExitStack() as stack:
        maker = _Maker(given, connection.namespace, stack)
        for workload in workloads:
            progress(f"looking at {workload.target}")
            await maker.look_at(workload, governed_in(workload, releases), owned)
    taken = frozenset(one.name for one in releases)
    return _with_distinct_names(maker.proposals, taken), maker.skipped


class _Maker:
    def __init__(self, given: argparse.Namespace, namespace: str, stack: AsyncExitStack) -> None:
        self.proposals: list[Proposal] = []
        self.skipped: list[Skipped] = []
        self._given = given
        self._namespace = namespace
        self._stack = stack
        self._askers: dict[Repository, Asker] = {}

    async def look_at(
        self, workload: Workload, governed: frozenset[str], owned: list[OwnedPod]
    ) -> None:
        """Make proposals for one workload, or say why there are none."""
        free = [one for one in workload.containers if one.name not in governed]
        if not free:
            reason = "it has a PinnedRelease already"
            self._skip(workload, reason, is_fine=True)
            return
        pods = tuple(one.pod for one in owned if one.belongs_to(workload)
                     and one.target == workload.target)  # fmt: skip
        groups = list(_groups(free))
        for containers in groups:
            try:
                found = await self._pair(containers, pods)
            except CommandError as error:
                self._skip(workload, str(error))
            except RegistryError as error:
                self._skip(workload, f"the registry does not tell: {error}", is_unknown=True)
            else:
                is_whole = len(groups) == 1 and len(free) == len(workload.containers)
                self._propose(workload, containers, found, pods, is_only=is_whole)

    async def _pair(self, containers: list[Container], pods: tuple[Pod, ...]) -> RunningPair:
        """The pair of containers that share a repository. Raises CommandError, RegistryError."""
        images = {one.image for one in containers}
        if len(images) > 1:
            raise CommandError(
                f"containers {', '.join(one.name for one in containers)} have different images of "
                f"one repository ({', '.join(sorted(images))}); write a PinnedRelease for each, "
                "with spec.containers"
            )
        first = containers[0]
        image = Image.of(first.image, first.name)
        asker = None if self._given.no_registry else await self._asker(image.reference.repository)
        return await running_pair(first.name, image, pods, asker, None)

    def _propose(
        self,
        workload: Workload,
        containers: list[Container],
        found: RunningPair,
        pods: tuple[Pod, ...],
        *,
        is_only: bool,
    ) -> None:
        target = workload.target
        name = target.name if is_only else f"{target.name}-{containers[0].name}"
        count = len(current_pods(pods))
        self.proposals.append(
            Proposal(
                release=NewRelease(
                    name=name,
                    namespace=self._namespace,
                    pin=found.pin,
                    target=target,
                    drift_policy=(
                        DriftPolicy.REPORT if self._given.report else DriftPolicy.CORRECT
                    ),
                ),
                grounds=f"{count} pod{'' if count == 1 else 's'}, "
                f"container{'' if len(containers) == 1 else 's'} "
                f"{', '.join(one.name for one in containers)}",
                rolls_out=not found.has_digest_in_template,
                note=found.note,
            )
        )

    def _skip(
        self, workload: Workload, reason: str, *, is_fine: bool = False, is_unknown: bool = False
    ) -> None:
        self.skipped.append(
            Skipped(target=workload.target, reason=reason, is_fine=is_fine, is_unknown=is_unknown)
        )

    async def _asker(self, repository: Repository) -> Asker:
        if repository not in self._askers:
            self._askers[repository] = await self._stack.enter_async_context(
                asking(self._given, repository)
            )
        return self._askers[repository]


def _groups(containers: list[Container]) -> Iterator[list[Container]]:
    """Containers that one PinnedRelease would govern: those of one repository."""
    groups: dict[Repository | str, list[Container]] = defaultdict(list)
    for container in containers:
        try:
            key: Repository | str = Image.of(container.image, container.name).reference.repository
        except CommandError:
            key = container.image
        groups[key].append(container)
    yield from groups.values()


async def _workloads(connection: Connection, wanted: tuple[Target, ...]) -> list[Workload]:
    if not wanted:
        return [
            workload
            for kind in TargetKind
            for workload in await connection.lister.workloads(kind, connection.namespace)
        ]
    found: list[Workload] = []
    for target in wanted:
        workload = await connection.reader.workload(target, connection.namespace)
        if workload is None:
            raise CommandError(f"there is no {target} in namespace {connection.namespace}")
        found.append(workload)
    return found


async def _releases(connection: Connection) -> list[Release]:
    """The PinnedReleases of the namespace; none where nobody has installed any."""
    try:
        return list(await connection.lister.releases(connection.namespace))
    except (NotFound, Forbidden):
        return []


def governed_in(workload: Workload, releases: list[Release]) -> frozenset[str]:
    """Containers that have a PinnedRelease, by the operator's rule: it may not have looked yet."""
    found: set[str] = set()
    for release in releases:
        spec, status = release.spec, release.status
        if isinstance(spec, DesiredPin) and spec.target == workload.target:
            pin = effective_pin(spec, status, release.generation).pin
            found |= select_containers(spec, pin, status.containers, workload).names
    return frozenset(found)


def _with_distinct_names(proposals: list[Proposal], taken: frozenset[str]) -> list[Proposal]:
    """``web`` of a Deployment and ``web`` of a CronJob become two names, and none that is taken.

    To apply a proposal under the name of another PinnedRelease would change that one.
    """
    counts = Counter(one.release.name for one in proposals)
    used = set(taken)
    found: list[Proposal] = []
    for one in proposals:
        name = one.release.name
        if counts[name] > 1 or name in used:
            name = f"{name}-{one.release.target.kind.lower()}"
        numbers = itertools.count(2)
        free = name
        while free in used or (free != one.release.name and free in counts):
            free = f"{name}-{next(numbers)}"
        used.add(free)
        found.append(replace(one, release=replace(one.release, name=free)))
    return found
