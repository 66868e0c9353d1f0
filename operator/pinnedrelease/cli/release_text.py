"""The text of a new PinnedRelease, as a person would write it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pinnedrelease.api import names
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
        lines = [
            f"apiVersion: {names.API_VERSION}",
            f"kind: {names.KIND}",
            "metadata:",
            f"  name: {self.name}",
            *([f"  namespace: {self.namespace}"] if self.namespace else []),
            "spec:",
            f"  repository: {pin.spelling}",
            f"  tag: {json.dumps(pin.tag)}",
            f"  digest: {pin.digest}",
            *([f"  changeCause: {json.dumps(cause, ensure_ascii=False)}"] if cause else []),
            "  targetRef:",
            *_target_lines(self.target),
            *([f"  containers: [{', '.join(self.containers)}]"] if self.containers else []),
        ]
        if self.drift_policy is not DriftPolicy.CORRECT:
            lines.append(f"  driftPolicy: {self.drift_policy}")
        return "\n".join(lines) + "\n"


def _target_lines(target: Target) -> list[str]:
    if target.kind is TargetKind.DEPLOYMENT:
        return [f"    name: {target.name}"]
    api = ["    apiVersion: batch/v1"] if target.kind is TargetKind.CRON_JOB else []
    return [*api, f"    kind: {target.kind}", f"    name: {target.name}"]
