"""The text of a new PinnedRelease, as a person would write it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from pinnedrelease.api import names
from pinnedrelease.api.fields import LABEL_PATTERN, NAME_PATTERN
from pinnedrelease.cli.errors import WrongUsage
from pinnedrelease.cli.quoting import quoted
from pinnedrelease.core.pin import DriftPolicy, Pin, Target, TargetKind


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRelease:
    """A PinnedRelease that is about to be written. What has its default is left out of the text."""

    name: str
    pin: Pin
    target: Target
    namespace: str | None = None
    containers: tuple[str, ...] = ()
    drift_policy: DriftPolicy = DriftPolicy.CORRECT
    cause: str | None = None

    @property
    def text(self) -> str:
        """YAML without a document start."""
        pin, cause = self.pin, self.cause
        containers = ", ".join(quoted(one) for one in self.containers)
        lines = [
            f"apiVersion: {names.API_VERSION}",
            f"kind: {names.KIND}",
            "metadata:",
            f"  name: {quoted(self.name)}",
            *([f"  namespace: {quoted(self.namespace)}"] if self.namespace else []),
            "spec:",
            f"  repository: {quoted(pin.spelling)}",
            f"  tag: {json.dumps(pin.tag)}",
            f"  digest: {pin.digest}",
            *([f"  changeCause: {json.dumps(cause, ensure_ascii=False)}"] if cause else []),
            "  targetRef:",
            *_target_lines(self.target),
            *([f"  containers: [{containers}]"] if self.containers else []),
        ]
        if self.drift_policy is not DriftPolicy.CORRECT:
            lines.append(f"  driftPolicy: {self.drift_policy}")
        return "\n".join(lines) + "\n"


def _target_lines(target: Target) -> list[str]:
    if target.kind is TargetKind.DEPLOYMENT:
        return [f"    name: {quoted(target.name)}"]
    api = ["    apiVersion: batch/v1"] if target.kind is TargetKind.CRON_JOB else []
    return [*api, f"    kind: {target.kind}", f"    name: {quoted(target.name)}"]


def check_names(release: NewRelease) -> None:
    """Raise WrongUsage for what no API server takes for a name."""
    label, subdomain = (LABEL_PATTERN, 63), (NAME_PATTERN, 253)
    for what, name, (pattern, limit) in (
        ("a PinnedRelease", release.name, subdomain),
        ("a namespace", release.namespace, label),
        (f"a {release.target.kind}", release.target.name, subdomain),
        *(("a container", one, label) for one in release.containers),
    ):
        if name is not None and (re.match(pattern, name) is None or len(name) > limit):
            raise WrongUsage(
                f"{name[:80]!r} cannot be the name of {what}: small letters, digits and hyphens, "
                f"at most {limit}"
            )
