"""The history of a PinnedRelease file in Git: under GitOps the repository is the record.

It tells what was declared and when, not when the cluster took it over, nor what pods ran.
"""

from __future__ import annotations

import itertools
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pinnedrelease.api.resource import decode_spec
from pinnedrelease.cli.errors import CannotTell, WrongUsage
from pinnedrelease.cli.yaml_text import documents, plain_value, scalar
from pinnedrelease.core.history import Cause, Revision, RevisionAction, RevisionResult
from pinnedrelease.core.pin import DesiredPin, Pin
from pinnedrelease.core.timeline import Timeline

GIT_S = 60.0
_FORMAT = "--format=%x1e%H%x1f%cI%x1f%an%x1f%s"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Commit:
    """One commit that touched the file."""

    hash: str
    time: datetime
    author: str
    subject: str
    path: str


def timeline_from_git(path: Path, name: str | None) -> Timeline:
    """What a file in a Git repository has declared. Raises CommandError."""
    folder = path.resolve().parent
    if not folder.is_dir():
        raise WrongUsage(f"{path} does not exist")
    revisions: list[Revision] = []
    before: Pin | None = None
    for number, commit in enumerate(_commits(folder, path), start=1):
        pin = _declared(folder, commit, name)
        if pin == before:
            continue
        if revisions and revisions[-1].supersede_time is None:
            revisions[-1] = _closed(revisions[-1], commit.time)
        if pin is not None:
            revisions.append(_revision(number, pin, commit))
        before = pin
    if not revisions:
        raise CannotTell(f"no commit of {path} declares {name or 'one PinnedRelease'}")
    return Timeline(source=f"git log of {path}", revisions=tuple(reversed(revisions)))


def _commits(folder: Path, path: Path) -> list[_Commit]:
    """The commits that touched the file, oldest first, also under its earlier names.

    Of this branch alone: what a merged branch changed was declared here when it was merged.
    """
    what = ("--follow", "--first-parent", "--diff-merges=first-parent", "--name-only")
    log = _git(folder, "log", *what, _FORMAT, "--", path.resolve().name)
    commits: list[_Commit] = []
    for block in log.split("\x1e")[1:]:
        head, _, names = block.partition("\n")
        found, time, author, subject = head.split("\x1f", 3)
        touched = [line for line in names.splitlines() if line.strip()]
        if touched:
            commits.append(
                _Commit(
                    hash=found,
                    time=datetime.fromisoformat(time).astimezone(UTC),
                    author=author,
                    subject=subject,
                    path=touched[0],
                )
            )
    if not commits:
        raise CannotTell(f"{path} is in no commit of a Git repository")
    # Commit times may run backwards after a rebase; the order of the commits is the truth.
    ordered = list(reversed(commits))
    times = itertools.accumulate((one.time for one in ordered), max)
    return [
        _Commit(hash=one.hash, time=time, author=one.author, subject=one.subject, path=one.path)
        for one, time in zip(ordered, times, strict=True)
    ]


def _declared(folder: Path, commit: _Commit, name: str | None) -> Pin | None:
    """The pair that the file declared in a commit; None where it declared none."""
    try:
        text = _git(folder, "show", f"{commit.hash}:{commit.path}")
    except CannotTell:
        return None
    try:
        found = [
            node
            for node in documents(text, commit.path)
            if scalar(node, "kind") == "PinnedRelease"
            and name in (None, scalar(node, "metadata", "name"))
        ]
        values = [plain_value(one) for one in found]
    except WrongUsage:
        return None
    if len(found) > 1:
        raise WrongUsage(f"{commit.path} has several PinnedReleases: name one")
    spec = decode_spec(values[0].get("spec")) if values and isinstance(values[0], dict) else None
    return spec.pin if isinstance(spec, DesiredPin) else None


def _revision(number: int, pin: Pin, commit: _Commit) -> Revision:
    return Revision(
        number=number,
        pin=pin,
        action=RevisionAction.INITIAL if number == 1 else RevisionAction.PROMOTE,
        result=RevisionResult.UNKNOWN,
        cause=Cause(
            generation=0,
            actor=commit.author,
            change_cause=f"{commit.hash[:12]} {commit.subject}",
        ),
        deploy_time=commit.time,
    )


def _closed(revision: Revision, time: datetime) -> Revision:
    return Revision(
        number=revision.number,
        pin=revision.pin,
        action=revision.action,
        result=revision.result,
        cause=revision.cause,
        deploy_time=revision.deploy_time,
        supersede_time=time,
    )


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "core.quotePath=false", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - git itself, with a list of arguments
            command, capture_output=True, encoding="utf-8", errors="replace", check=False,
            timeout=GIT_S,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotTell(f"git cannot be run: {error}") from error
    if done.returncode != 0:
        raise CannotTell(f"git {arguments[0]}: {done.stderr.strip()[:300]}")
    return done.stdout
