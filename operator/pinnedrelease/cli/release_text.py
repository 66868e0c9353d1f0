"""The text of a new PinnedRelease, as a person would write it."""

from __future__ import annotations

import json

from pinnedrelease.api import names
from pinnedrelease.core.pin import DriftPolicy, Pin, Target, TargetKind


def release_text(
    *,
    name: str,
    namespace: str | None,
    pin: Pin,
    target: Target,
    containers: tuple[str, ...] = (),
    drift_policy: DriftPolicy = DriftPolicy.CORRECT,
    cause: str | None = None,
) -> str:
    """YAML without a document start. What has its default is left out."""
    lines = [
        f"apiVersion: {names.API_VERSION}",
        f"kind: {names.KIND}",
        "metadata:",
        f"  name: {name}",
        *([f"  namespace: {namespace}"] if namespace else []),
        "spec:",
        f"  repository: {pin.spelling}",
        f"  tag: {json.dumps(pin.tag)}",
        f"  digest: {pin.digest}",
        *([f"  changeCause: {json.dumps(cause, ensure_ascii=False)}"] if cause else []),
        "  targetRef:",
        *_target_lines(target),
        *([f"  containers: [{', '.join(containers)}]"] if containers else []),
        *([] if drift_policy is DriftPolicy.CORRECT else [f"  driftPolicy: {drift_policy}"]),
    ]
    return "\n".join(lines) + "\n"


def _target_lines(target: Target) -> list[str]:
    if target.kind is TargetKind.DEPLOYMENT:
        return [f"    name: {target.name}"]
    api = ["    apiVersion: batch/v1"] if target.kind is TargetKind.CRON_JOB else []
    return [*api, f"    kind: {target.kind}", f"    name: {target.name}"]
