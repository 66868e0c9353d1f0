"""What ``doctor`` looks at across PinnedReleases: registries, and several on one container."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Sequence

from pinnedrelease.cli.connection import Connection
from pinnedrelease.cli.findings import Finding, ok, warn
from pinnedrelease.cli.registry_access import Presence, ask
from pinnedrelease.cluster import paths
from pinnedrelease.cluster.decode import decode_workload
from pinnedrelease.cluster.errors import NotFound
from pinnedrelease.core.effective import effective_pin
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import DesiredPin, Pin, Target
from pinnedrelease.core.selection import select_containers
from pinnedrelease.core.workload import Workload


async def check_registries(given: argparse.Namespace, releases: Iterable[Release]) -> list[Finding]:
    """One declared digest of each registry, asked from this machine with the person's logins."""
    samples: dict[str, Pin] = {}
    for release in releases:
        if isinstance(release.spec, DesiredPin):
            samples.setdefault(release.spec.pin.repository.host, release.spec.pin)
    return [
        judge_registry(host, pin, await ask(given, pin)) for host, pin in sorted(samples.items())
    ]


def judge_registry(host: str, pin: Pin, presence: Presence) -> Finding:
    """What one answer says. Nodes and operator may see the registry otherwise."""
    operator = "what the operator sees stands in condition DigestAvailable"
    if presence.is_there is None:
        text = f"{host} does not tell this machine about {pin.spelling}: {presence.trouble}"
        return warn("registry", text, operator)
    if not presence.is_there:
        text = f"{host} tells this machine that {pin.spelling} has no {pin.digest}"
        return warn("registry", text, operator)
    return ok("registry", f"{host} answers this machine")


async def check_rivals(connection: Connection, releases: Iterable[Release]) -> list[Finding]:
    """PinnedReleases that want the same container. Raises ClusterErrors."""
    of_target: dict[tuple[str, Target], list[Release]] = defaultdict(list)
    for release in releases:
        if isinstance(release.spec, DesiredPin) and not release.deleting:
            of_target[release.namespace, release.spec.target].append(release)
    found: list[Finding] = []
    for (namespace, target), rivals in sorted(of_target.items(), key=str):
        if len(rivals) == 1:
            continue
        try:
            document = await connection.session.get(paths.workload(target, namespace))
        except NotFound:
            continue
        found += judge_rivals(rivals, decode_workload(target.kind, document.values))
    return found


def judge_rivals(releases: Sequence[Release], workload: Workload) -> list[Finding]:
    """Containers of one target that several PinnedReleases want.

    By what each would choose: the status of the one that does not get a container has none.
    """
    claims: dict[str, list[Release]] = defaultdict(list)
    for release in sorted(releases, key=lambda one: (one.created_at, one.uid)):
        if isinstance(release.spec, DesiredPin):
            pin = effective_pin(release.spec, release.status, release.generation).pin
            before = release.status.containers
            for name in select_containers(release.spec, pin, before, workload).names:
                claims[name].append(release)
    return [
        warn(
            "conflict",
            f"{', '.join(map(str, rivals))} all want container {name} of {workload.target}; the "
            f"oldest, {rivals[0].name}, has it",
            "keep one of them, or give each its spec.containers",
        )
        for name, rivals in sorted(claims.items())
        if len(rivals) > 1
    ]
