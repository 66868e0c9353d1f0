"""Commands to copy: they mean the cluster that was looked at, whatever the context is by then."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass

from pinnedrelease.cli.output import program
from pinnedrelease.core import targets
from pinnedrelease.core.history import Revision, RevisionResult
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import DesiredPin


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """Commands with the flags by which the cluster was chosen."""

    program: str
    context: str | None = None
    kubeconfig: str | None = None

    def kubectl(self, release: Release) -> str:
        """Shows the whole object."""
        return self._text(
            "kubectl", "get", f"pinnedreleases/{release.name}", release, "--output=yaml"
        )

    def history(self, release: Release) -> str:
        """Shows the revisions."""
        return self._text(self.program, "history", release.name, release)

    def rollback(self, release: Release, revision: Revision) -> str | None:
        """Goes back to a revision; None for the one in force and for those that are no target."""
        is_believed = (
            revision is not release.status.history.head
            and revision.edited_by is None
            and revision.result is not RevisionResult.PLANNED
        )
        if not is_believed or not isinstance(release.spec, DesiredPin):
            return None
        try:
            targets.check(revision, release.spec)
        except targets.NoTarget:
            return None
        return self.act("rollback", release, f"--to-revision={revision.number}")

    def act(self, verb: str, release: Release, *more: str) -> str:
        """One of our commands that is about a PinnedRelease."""
        return self._text(self.program, verb, release.name, release, *more)

    def wait(self, release: Release) -> str:
        """Returns when it is ready."""
        subject = f"pinnedreleases/{release.name}"
        return self._text("kubectl", "wait", subject, release, "--for=condition=Ready")

    def _text(self, program: str, verb: str, subject: str, release: Release, *more: str) -> str:
        chosen = {"--context": self.context, "--kubeconfig": self.kubeconfig}
        flags = (f"{name}={value}" for name, value in chosen.items() if value is not None)
        words = (verb, subject, f"--namespace={release.namespace}", *flags, *more)
        return f"{program} {shlex.join(words)}"


def commands_of(given: argparse.Namespace, context: str | None = None) -> Commands:
    """Commands with the flags that were given, or for another context than they say."""
    return Commands(
        program=program(),
        context=context or given.context,
        kubeconfig=str(given.kubeconfig.absolute()) if given.kubeconfig else None,
    )
