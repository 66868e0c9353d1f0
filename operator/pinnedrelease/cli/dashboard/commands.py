"""Commands to copy: they mean the cluster that the page shows, whatever the context is by then."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from pinnedrelease.core.history import Revision, RevisionResult
from pinnedrelease.core.observed import Release


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
        is_target = (
            revision is not release.status.history.head
            and revision.edited_by is None
            and revision.result is not RevisionResult.PLANNED
        )
        if not is_target:
            return None
        number = f"--to-revision={revision.number}"
        return self._text(self.program, "rollback", release.name, release, number)

    def _text(self, program: str, verb: str, subject: str, release: Release, *more: str) -> str:
        chosen = {"--context": self.context, "--kubeconfig": self.kubeconfig}
        flags = (f"{name}={value}" for name, value in chosen.items() if value is not None)
        words = (verb, subject, f"--namespace={release.namespace}", *flags, *more)
        return f"{program} {shlex.join(words)}"
