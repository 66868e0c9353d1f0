"""``pinrel where DIGEST``: which PinnedReleases declare or ran it, and which pods run it now."""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from dataclasses import dataclass

from pinnedrelease.cli.connection import Connection, add_cluster_arguments, with_cluster
from pinnedrelease.cli.errors import CANNOT_TELL, CannotTell, CommandError, WrongUsage
from pinnedrelease.cli.output import add_no_headers, add_output_argument, note, show
from pinnedrelease.cli.tables import table, time_text
from pinnedrelease.cluster import paths
from pinnedrelease.cluster.errors import Forbidden
from pinnedrelease.cluster.pods import decode_any_pod
from pinnedrelease.core.digest import Digest
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import DesiredPin
from pinnedrelease.core.pods import Pod
from pinnedrelease.core.proof import reported
from pinnedrelease.core.reference import try_parse_reference

SHORTEST = 6
PODS_SHOWN = 3
_DIGITS = re.compile(r"[a-f0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Something that has to do with the digest."""

    namespace: str
    thing: str
    role: str
    tag: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was found, and why pods were not read although they were wanted."""

    places: list[Place]
    unread: str | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The digest, and where to look."""
    parser.add_argument("digest", help="in full, or its first digits (at least 6)")
    parser.add_argument("--no-pods", action="store_true", help="look at PinnedReleases only")
    add_output_argument(parser, "json", "yaml", "name")
    add_no_headers(parser)
    add_cluster_arguments(parser)


def run(given: argparse.Namespace) -> int:
    """Look in the whole cluster, or with -n in one namespace.

    0: found, 1: nowhere, 3: it cannot be told, or not wholly.
    """
    digits = given.digest.removeprefix("sha256:")
    if not _DIGITS.fullmatch(digits) or len(digits) < SHORTEST:
        raise WrongUsage(
            f"{given.digest[:80]!r} is no digest; write sha256:... or at least {SHORTEST} of its "
            "digits. A tag is looked up with: kubectl get pinnedreleases -A"
        )

    async def work(connection: Connection) -> _Found:
        return await _places(given, connection, digits)

    return _answer(given, with_cluster(given, work))


def _answer(given: argparse.Namespace, answer: _Found) -> int:
    found = answer.places
    if not found:
        scope = f"namespace {given.namespace}" if given.namespace else "this cluster"
        verb = "declares" if given.no_pods else "declares or runs"
        raise CommandError(f"nothing in {scope} {verb} {given.digest}")
    show(
        given.output,
        lambda: _text(found, with_header=not given.no_headers),
        [_as_data(one) for one in found],
        [f"{one.namespace}/{one.thing}" for one in found],
    )
    if answer.unread is not None:
        note(f"this may not be all: pods were not looked at: {answer.unread}")
        return CANNOT_TELL
    return 0


async def _places(given: argparse.Namespace, connection: Connection, digits: str) -> _Found:
    scope: str | None = given.namespace
    try:
        releases = await connection.releases(scope)
    except Forbidden as error:
        raise CannotTell(f"{error}; look in one namespace with -n") from error
    found = [place for release in releases for place in _in_release(release, digits)]
    wanted = _same_content(releases, digits)
    if not given.no_pods:
        try:
            found += await _in_pods(connection, scope, digits, wanted)
        except Forbidden as error:
            if not found:
                raise CannotTell(
                    f"no PinnedRelease declares {given.digest}, and whether pods run it cannot be "
                    f"told: {error}"
                ) from error
            return _Found(places=found, unread=str(error))
    return _Found(places=found)


def _in_release(release: Release, digits: str) -> list[Place]:
    """The roles that a digest has in one PinnedRelease, the most important one first."""
    spec, status = release.spec, release.status
    roles: dict[str, tuple[str, Digest]] = {}
    effective = status.effective.pin if status.effective is not None else None
    if effective is not None and effective.digest.digest.encoded.startswith(digits):
        since = time_text(status.deploy_time)
        roles[f"in force since {since}" if since else "in force"] = (
            effective.tag,
            effective.digest.digest,
        )
    if isinstance(spec, DesiredPin):
        declared = spec.pin
        if declared.digest.digest.encoded.startswith(digits) and declared != effective:
            roles["declared"] = (declared.tag, declared.digest.digest)
        for one in spec.rejected:
            if one.digest.digest.encoded.startswith(digits):
                roles[f"refused: {one.reason}"] = ("", one.digest.digest)
    for revision in status.history.revisions:
        is_past = revision.supersede_time is not None
        if is_past and revision.pin.digest.digest.encoded.startswith(digits):
            until = time_text(revision.supersede_time)
            role = f"revision {revision.number}, {time_text(revision.deploy_time)} .. {until}"
            roles[role] = (revision.pin.tag, revision.pin.digest.digest)
    return [
        Place(
            namespace=release.namespace,
            thing=f"PinnedRelease/{release.name}",
            role=role,
            tag=tag,
            digest=str(digest),
        )
        for role, (tag, digest) in roles.items()
    ]


def _same_content(releases: list[Release], digits: str) -> frozenset[Digest]:
    """Other names of the content: the index of a platform, and the platforms of an index."""
    same: set[Digest] = set()
    for release in releases:
        proof = release.status.proof
        if proof is None:
            continue
        family = {proof.digest, *proof.manifests, *proof.same}
        if proof.digest.encoded.startswith(digits):
            same |= family
        elif any(one.encoded.startswith(digits) for one in family):
            same.add(proof.digest)
    return frozenset(same)


async def _in_pods(
    connection: Connection, scope: str | None, digits: str, same: frozenset[Digest]
) -> list[Place]:
    groups: dict[tuple[str, str, Digest], list[str]] = defaultdict(list)
    async for document in connection.lister.documents(paths.PODS, scope):
        namespace, owner, pod = decode_any_pod(document.values)
        for digest in _digests_of(pod):
            if digest.encoded.startswith(digits) or digest in same:
                groups[namespace, owner, digest].append(pod.name)
    return [
        Place(
            namespace=namespace,
            thing=owner,
            role=_pods_text(names, is_other_name=not digest.encoded.startswith(digits)),
            digest=str(digest),
        )
        for (namespace, owner, digest), names in sorted(
            groups.items(), key=lambda group: (group[0][0], group[0][1], str(group[0][2]))
        )
    ]


def _digests_of(pod: Pod) -> set[Digest]:
    """What a pod's containers run, or were asked to run where the runtime is silent."""
    if pod.is_finished:
        return set()
    found: set[Digest] = set()
    for container in pod.containers:
        report = reported(container.image_id)
        asked = try_parse_reference(container.image)
        if report is not None:
            found.add(report.digest)
        elif asked is not None and asked.digest is not None:
            found.add(asked.digest)
    return found


def _pods_text(names: list[str], *, is_other_name: bool) -> str:
    shown = ", ".join(sorted(names)[:PODS_SHOWN])
    more = f" and {len(names) - PODS_SHOWN} more" if len(names) > PODS_SHOWN else ""
    count = f"{len(names)} pod{'s' if len(names) > 1 else ''}"
    suffix = " (the same content under another digest)" if is_other_name else ""
    return f"{count}: {shown}{more}{suffix}"


def _text(found: list[Place], *, with_header: bool) -> str:
    rows = [(one.namespace, one.thing, one.role, one.tag) for one in found]
    return table(("NAMESPACE", "WHERE", "ROLE", "TAG"), rows, with_header=with_header)


def _as_data(place: Place) -> dict[str, object]:
    return {
        "namespace": place.namespace,
        "where": place.thing,
        "role": place.role,
        "tag": place.tag or None,
        "digest": place.digest,
    }
