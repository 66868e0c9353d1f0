"""``pinrel promote SRC DST``: copies a pair unchanged. No tag is looked up on the way."""

from __future__ import annotations

import argparse
from pathlib import Path

from pinnedrelease.api import changes
from pinnedrelease.api.fields import parse_duration
from pinnedrelease.api.ownership import gitops_owner
from pinnedrelease.cli.changing import add_dry_run, change, leave_to_owner
from pinnedrelease.cli.commands import commands_of
from pinnedrelease.cli.connection import Connection, add_cluster_arguments, connect, run_async
from pinnedrelease.cli.errors import CommandError, WrongUsage
from pinnedrelease.cli.file_changes import show_diff, store
from pinnedrelease.cli.output import note, program, say
from pinnedrelease.cli.pairs import Declared, pair_in_file
from pinnedrelease.cli.places import ClusterPlace, FilePlace, parse_place
from pinnedrelease.cli.readiness import unready_because, wait_until_ready, wants_no_pods
from pinnedrelease.cli.registry_access import (
    add_no_registry,
    add_registry_arguments,
    check_there,
)
from pinnedrelease.cli.text_files import STDIN, read_text
from pinnedrelease.cli.yaml_edit import declare_in
from pinnedrelease.core.messages import pair
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import DesiredPin, Pin


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """From where, to where, and what is demanded."""
    parser.add_argument(
        "source", metavar="SRC", help="file (PinnedRelease or capture), NAME, or NAMESPACE/NAME"
    )
    parser.add_argument("destination", metavar="DST", help="file, NAME, or NAMESPACE/NAME")
    parser.add_argument("--from-context", help="context of SRC (default: as --context)")
    parser.add_argument("--to-context", help="context of DST (default: as --context)")
    parser.add_argument("--name", help="which PinnedRelease of a file with several")
    parser.add_argument(
        "--allow-unready", action="store_true", help="SRC need not run the pair successfully"
    )
    parser.add_argument(
        "--mirror",
        action="store_true",
        help="DST has another repository, which must have the same digest",
    )
    parser.add_argument("--change-cause", help="why (default: the cause that SRC has)")
    parser.add_argument(
        "--wait",
        nargs="?",
        const=600.0,
        type=_seconds,
        metavar="DURATION",
        help="wait until DST runs the pair (default 10m)",
    )
    add_dry_run(parser)
    add_no_registry(parser)
    add_registry_arguments(parser)
    add_cluster_arguments(parser)


def run(given: argparse.Namespace) -> int:
    """Promote. 0: DST declares the pair; 1: refused, or left to the owner in Git."""
    if given.mirror and given.no_registry:
        raise WrongUsage("--mirror needs the registry: the digest must be there")
    source = parse_place(given.source, given.from_context)
    destination = parse_place(given.destination, given.to_context)
    if destination == FilePlace(path=Path(STDIN)):
        raise WrongUsage("DST is changed in place: name a file, not -")
    wait_s: float | None = given.wait
    if wait_s is not None and isinstance(destination, FilePlace):
        raise WrongUsage("--wait is for a cluster; a file runs nothing")

    async def work() -> int:
        carried = (
            pair_in_file(source.path, given.name)
            if isinstance(source, FilePlace)
            else await _from_cluster(given, source)
        )
        if isinstance(destination, FilePlace):
            return await _to_file(given, carried, destination)
        async with connect(
            given, context=destination.context, namespace=destination.namespace
        ) as connection:
            code = await _to_cluster(given, carried, connection, destination)
            if code == 0 and wait_s is not None and not given.dry_run:
                await wait_until_ready(connection, destination.name, carried.pin.digest, wait_s)
            return code

    return run_async(work())


async def _from_cluster(given: argparse.Namespace, place: ClusterPlace) -> Declared:
    """The declared pair of a PinnedRelease that runs it. Raises CommandError when it does not."""
    async with connect(given, context=place.context, namespace=place.namespace) as connection:
        release = await connection.release(place.name)
    spec = _valid(release)
    problem = unready_because(release, spec)
    if problem is not None:
        if not given.allow_unready:
            wait = f"wait with: {commands_of(given, place.context).wait(release)}"
            way = "scale it up" if wants_no_pods(release) else wait
            raise CommandError(
                f"{release} does not run {pair(spec.pin)} successfully: {problem}; {way}, or use "
                "--allow-unready"
            )
        note(f"{release} is promoted although {problem}")
    return Declared(
        pin=spec.pin, where=str(place), name=release.name, cause=spec.change_cause, spec=spec
    )


async def _to_file(given: argparse.Namespace, carried: Declared, place: FilePlace) -> int:
    before = read_text(place.path)
    declared = pair_in_file(place.path, given.name)
    if declared.spec is None:
        raise WrongUsage(f"{place} is a capture; DST must declare a PinnedRelease")
    lift = f"take it off that list in {place}"
    pin = await _checked(given, carried, declared.pin, declared.spec, str(place), lift)
    if pin == declared.pin:
        say(f"{place} declares {pair(pin)} already; nothing to do")
        return 0
    after = declare_in(before, declared.name, pin, given.change_cause or carried.cause)
    store(place.path, before, after, dry_run=given.dry_run)
    show_diff(before, after, place.path)
    say(f"{place} {'would declare' if given.dry_run else 'declares'} {pair(pin)}")
    return 0


async def _to_cluster(
    given: argparse.Namespace, carried: Declared, connection: Connection, place: ClusterPlace
) -> int:
    release = await connection.release(place.name)
    spec = _valid(release)
    commands = commands_of(given, place.context)
    lift = commands.act("reject", release, carried.pin.digest.short, "--lift")
    pin = await _checked(given, carried, spec.pin, spec, str(release), lift)
    if pin == spec.pin:
        say(f"{release} declares {pair(pin)} already; nothing to do")
        return 0
    document = await connection.reader.document(release.namespace, release.name)
    owner = gitops_owner(document.child("metadata").values)
    if owner is not None:
        hint = f"{program()} promote {given.source} FILE"
        return leave_to_owner(release, spec.pin, pin, owner, hint=hint)
    if spec.override is not None:
        note(f"{release} has an override, which ends with this change of the declared digest")
    patch = changes.declare_pair(pin, given.change_cause or carried.cause)
    await change(connection, release, patch, f"promoted to {pair(pin)}", dry_run=given.dry_run)
    if spec.suspend:
        resume = commands.act("resume", release)
        note(f"{release} is suspended: nothing is written until: {resume}")
    return 0


async def _checked(
    given: argparse.Namespace,
    carried: Declared,
    before: Pin,
    spec: DesiredPin,
    where: str,
    lift: str,
) -> Pin:
    """The pair as the destination will declare it. Raises CommandErrors.

    ``lift`` says how to allow a digest there that is refused.
    """
    pin = carried.pin
    if pin.repository != before.repository and not given.mirror:
        raise CommandError(
            f"{where} is about {before.spelling}, and {carried.where} about {pin.spelling}; if one "
            "is a mirror of the other, use --mirror: the digest is then looked for there"
        )
    pin = Pin.declare(repository=before.spelling, tag=pin.tag, digest=str(pin.digest))
    rejection = spec.rejection_of(pin.digest)
    if rejection is not None:
        raise CommandError(
            f"{where} refuses {pair(pin)} (spec.rejectedDigests): {rejection.reason}; lift it "
            f"first if you mean it: {lift}"
        )
    if given.no_registry:
        return pin
    presence = await check_there(given, pin, "--no-registry")
    if presence.tag_digest is not None and presence.tag_digest != pin.digest.digest:
        note(
            f"tag {pin.tag} points elsewhere by now ({presence.tag_digest}); what was captured is "
            f"promoted: {pin.digest}"
        )
    return pin


def _valid(release: Release) -> DesiredPin:
    if not isinstance(release.spec, DesiredPin):
        raise CommandError(f"{release} has an invalid spec: {'; '.join(release.spec.problems)}")
    return release.spec


def _seconds(text: str) -> float:
    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is taken for the duration: {error}; write --wait=10m, or a plain --wait "
            "behind SRC and DST"
        ) from error
