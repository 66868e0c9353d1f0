"""``pinrel rollback``: back to content that ran, where the truth is kept: Git or the cluster."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pinnedrelease.api import changes
from pinnedrelease.api.fields import parse_duration
from pinnedrelease.api.ownership import GitOpsOwner, gitops_owner
from pinnedrelease.api.resource import decode_spec
from pinnedrelease.cli.changing import add_dry_run, change, leave_to_owner
from pinnedrelease.cli.commands import commands_of
from pinnedrelease.cli.connection import Connection, add_cluster_arguments, with_cluster
from pinnedrelease.cli.errors import CommandError, WrongUsage
from pinnedrelease.cli.file_changes import show_diff, store
from pinnedrelease.cli.output import note, say
from pinnedrelease.cli.registry_access import Presence, add_registry_arguments, ask
from pinnedrelease.cli.text_files import read_text
from pinnedrelease.cli.yaml_edit import declare_in, find_release
from pinnedrelease.cli.yaml_text import plain_value, scalar
from pinnedrelease.core import targets
from pinnedrelease.core.history import Revision
from pinnedrelease.core.messages import pair
from pinnedrelease.core.observed import InvalidSpec, Release
from pinnedrelease.core.pin import DesiredPin, Override
from pinnedrelease.reconcile.clock import SystemClock


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to go back to, and where to write it."""
    parser.add_argument("name", help="PinnedRelease")
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--to-revision", type=int, metavar="N", help="number in the history")
    target.add_argument("--to-digest", metavar="DIGEST", help="in full, or its first digits")
    target.add_argument(
        "--to-tag", metavar="TAG", help="as it was recorded; the registry is not asked"
    )
    parser.add_argument(
        "-f", "--file", type=Path, metavar="FILE", help="edit this file and not the cluster"
    )
    parser.add_argument(
        "--override", action="store_true", help="break-glass: spec.override, beside what Git says"
    )
    parser.add_argument("--reason", help="why; needed with --override")
    parser.add_argument(
        "--expire", default="24h", metavar="DURATION", help="alarm after (default 24h; 0: never)"
    )
    parser.add_argument(
        "--force", action="store_true", help="nodes have the digest although the registry lost it"
    )
    add_dry_run(parser)
    add_registry_arguments(parser)
    add_cluster_arguments(parser)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What has been found out."""

    release: Release
    desired: DesiredPin
    owner: GitOpsOwner | None
    target: Revision
    presence: Presence


def run(given: argparse.Namespace) -> int:
    """Go back. 0: done, or nothing to do; 1: refused, or left to the owner in Git."""
    if given.override and not given.reason:
        raise WrongUsage("--override needs --reason: the next person on call will want to know")
    if given.override and given.file is not None:
        raise WrongUsage("--override is for the cluster; a file declares the pair itself")

    async def work(connection: Connection) -> int:
        case = await _find_out(given, connection)
        digest, head = case.target.pin.digest, case.release.status.history.head
        is_on_it = head is not None and head.pin.digest == digest
        if given.file is None and is_on_it and case.desired.pin.digest == digest:
            say(f"{case.release} is on {pair(case.target.pin)} already; nothing to do")
            return 0
        _check_presence(given, case)
        if given.file is not None:
            return _edit_file(given, case)
        if given.override:
            return await _override(given, connection, case)
        if case.owner is not None:
            return _leave_to_owner(given, case, case.owner)
        return await _declare(given, connection, case)

    return with_cluster(given, work)


async def _find_out(given: argparse.Namespace, connection: Connection) -> _Case:
    release = await connection.release(given.name)
    if not isinstance(release.spec, DesiredPin):
        raise CommandError(f"{release} has an invalid spec: {'; '.join(release.spec.problems)}")
    history = release.status.history
    try:
        if given.to_revision is not None:
            target = targets.by_number(history, given.to_revision)
        elif given.to_digest is not None:
            target = targets.by_digest(history, given.to_digest)
        elif given.to_tag is not None:
            target = targets.by_tag(history, given.to_tag)
        else:
            in_force = release.status.effective
            current = in_force.pin if in_force else release.spec.pin
            target = targets.previous(history, release.spec, current)
        targets.check(target, release.spec)
    except targets.NoTarget as error:
        raise CommandError(str(error)) from error
    document = await connection.reader.document(release.namespace, release.name)
    return _Case(
        release=release,
        desired=release.spec,
        owner=gitops_owner(document.child("metadata").values),
        target=target,
        presence=await ask(given, target.pin),
    )


def _check_presence(given: argparse.Namespace, case: _Case) -> None:
    """Refuse a digest that the registry has lost; tell of a tag that has moved."""
    pin, presence = case.target.pin, case.presence
    if presence.is_there is False and not given.force:
        other = targets.alternative(case.release.status.history, case.desired, missing=pin)
        hint = f"; the nearest that is there: --to-revision {other.number}" if other else ""
        raise CommandError(
            f"the registry has no {pin.digest} in {pin.spelling} any more, so nodes that do not "
            f"have it cannot pull it{hint}. If you know that they have it: --force"
        )
    if presence.is_there is None:
        note(f"whether the registry still has {pair(pin)} is not known: {presence.trouble}")
    if presence.tag_digest is not None and presence.tag_digest != pin.digest.digest:
        note(
            f"tag {pin.tag} now points elsewhere (sha256:{presence.tag_digest.encoded[:12]}); you "
            f"get the content that ran: {pin.digest}"
        )


def _edit_file(given: argparse.Namespace, case: _Case) -> int:
    path: Path = given.file
    before, pin = read_text(path), case.target.pin
    try:
        targets.check(case.target, _spec_in(path, before, case))
    except targets.NoTarget as error:
        raise CommandError(f"{path}: {error}") from error
    edited = declare_in(before, case.release.name, pin, given.reason)
    if _pair_of(edited, case) == _pair_of(before, case):
        say(f"{path} declares {pair(pin)} already; nothing to do")
        return 0
    store(path, before, edited, dry_run=given.dry_run)
    show_diff(before, edited, path)
    if not given.dry_run:
        say(f"{path} declares {pair(pin)}; commit it to roll back")
    return 0


def _spec_in(path: Path, text: str, case: _Case) -> DesiredPin:
    """What a file says of the release, which may be a part alone: a patch for kustomize, say.

    What it leaves out is taken from the revision, so that it cannot be in the way.
    """
    pin = case.target.pin
    missing = {"repository": pin.spelling, "tag": pin.tag, "digest": str(pin.digest)}
    document = plain_value(find_release(text, case.release.name, str(path)))
    told = document.get("spec") if isinstance(document, dict) else None
    if not isinstance(told, dict):
        raise WrongUsage(f"{path}: PinnedRelease {case.release.name} has no spec")
    spec = decode_spec({"targetRef": {"name": "any"}, **missing, **told})
    if isinstance(spec, InvalidSpec):
        raise WrongUsage(f"{path}: PinnedRelease {case.release.name}: {'; '.join(spec.problems)}")
    return spec


def _pair_of(text: str, case: _Case) -> tuple[str | None, str | None]:
    node = find_release(text, case.release.name)
    return scalar(node, "spec", "tag"), scalar(node, "spec", "digest")


def _leave_to_owner(given: argparse.Namespace, case: _Case, owner: GitOpsOwner) -> int:
    command = commands_of(given).act(
        "rollback", case.release, f"--to-revision={case.target.number}", "-f", "FILE"
    )
    hint = f"{command}. In an emergency: --override --reason WHY"
    code = leave_to_owner(case.release, case.desired.pin, case.target.pin, owner, hint=hint)
    return 0 if given.dry_run else code


async def _override(given: argparse.Namespace, connection: Connection, case: _Case) -> int:
    now = SystemClock().now().wall
    try:
        lasts = parse_duration(given.expire) if given.expire != "0" else timedelta()
    except ValueError as error:
        raise WrongUsage(f"--expire: {error}") from error
    override = Override(
        digest=case.target.pin.digest,
        instead_of=case.desired.pin.digest,
        reason=given.reason,
        tag=case.target.pin.tag,
        expire_time=now + lasts if lasts else None,
    )
    if override.digest == override.instead_of:
        raise CommandError(
            f"{pair(case.target.pin)} is what the spec declares; end the override with: "
            f"{commands_of(given).act('clear-override', case.release)}"
        )
    until = f" until {override.expire_time:%Y-%m-%dT%H:%MZ}" if override.expire_time else ""
    verb = f"overridden with {pair(case.target.pin)}{until}"
    await _change(given, connection, case, changes.set_override(override), verb)
    return 0


async def _declare(given: argparse.Namespace, connection: Connection, case: _Case) -> int:
    patch = changes.declare_pair(case.target.pin, given.reason)
    if case.desired.override is not None:
        patch["spec"] = {**_spec_of(patch), **_spec_of(changes.clear_override())}
    await _change(given, connection, case, patch, f"rolled back to {pair(case.target.pin)}")
    return 0


async def _change(
    given: argparse.Namespace, connection: Connection, case: _Case, patch: changes.Patch, verb: str
) -> None:
    if given.force:
        patch = changes.vouched(patch, case.target.pin)
    await change(connection, case.release, patch, verb, dry_run=given.dry_run)
    if case.desired.suspend:
        resume = commands_of(given).act("resume", case.release)
        note(f"{case.release} is suspended: nothing is written until: {resume}")


def _spec_of(patch: changes.Patch) -> dict[str, object]:
    spec = patch["spec"]
    return spec if isinstance(spec, dict) else {}
