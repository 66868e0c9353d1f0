"""Which Git commit a build is of: from the CI system, else from the working tree."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass

GIT_S = 10.0
CI_VARIABLES = (
    ("GITHUB_SHA", "GITHUB_REPOSITORY"),
    ("CI_COMMIT_SHA", "CI_PROJECT_PATH"),
    ("BITBUCKET_COMMIT", "BITBUCKET_REPO_FULL_NAME"),
    ("BUILDKITE_COMMIT", "BUILDKITE_PIPELINE_SLUG"),
    ("GIT_COMMIT", "JOB_NAME"),
)
"""GitHub, GitLab, Bitbucket, Buildkite, Jenkins: the commit, and what it is of."""
_HASH = re.compile(r"[0-9a-f]{7,64}(-dirty)?")
_PROJECT = re.compile(r"[:/]([^/:]+/[^/]+?)(\.git)?/?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit, and the name of its repository where that is known."""

    hash: str
    name: str | None = None


def current_commit() -> Commit | None:
    """The commit that is being built; None outside of Git and CI."""
    for commit, name in CI_VARIABLES:
        found = os.environ.get(commit, "")
        if _HASH.fullmatch(found):
            return Commit(hash=found, name=os.environ.get(name) or None)
    described = _git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    if described is None or not _HASH.fullmatch(described):
        return None
    project = _PROJECT.search(_without_secrets(_git("remote", "get-url", "origin") or ""))
    return Commit(hash=described, name=project[1] if project else None)


def _without_secrets(url: str) -> str:
    """Host and path alone: a remote may hold a password or a token before the host or behind."""
    return "//" + re.split(r"[?#]", url.rpartition("@")[2])[0].rpartition("://")[2]


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - git itself, with a list of arguments
            ["git", *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
            timeout=GIT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
