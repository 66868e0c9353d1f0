"""Compares what the operator did in a whole test run with what its shipped roles allow.

A right that no test made it use is one to take away; a request that no role allows is one that
fails in production. ``python -m rights FOLDER`` reads the audit logs that control planes have left
there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

import operator_process

MANIFESTS = operator_process.MANIFESTS.parent
ROLES = (
    MANIFESTS / "base" / "cluster-role.yaml",
    MANIFESTS / "base" / "leader-election-role.yaml",
    MANIFESTS / "base" / "pull-secrets-cluster-role.yaml",
    MANIFESTS / "components" / "monitoring" / "policy-reader.yaml",
)
USER_AGENT = b'"userAgent":"pinnedrelease/'
"""The operator's own; tests also play somebody who has stolen its token."""


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One verb on one resource."""

    group: str
    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}{'.' if self.group else ''}{self.group}"


EVERYBODY = {Right("authorization.k8s.io", "selfsubjectaccessreviews", "create")}
"""What every account may do anyway (ClusterRole system:basic-user): ask what it may."""


def granted(files: Iterable[Path]) -> set[Right]:
    """What the roles in these files allow."""
    return {
        Right(group, resource, verb)
        for path in files
        for role in yaml.safe_load_all(path.read_text())
        for rule in role.get("rules", [])
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def used(logs: Iterable[Path]) -> set[Right]:
    """What operators asked for, allowed or not, according to audit logs."""
    return {right for path in logs for right in _asked(path)}


def _asked(path: Path) -> Iterator[Right]:
    with path.open("rb") as log:
        for line in log:
            # Most lines are of controllers: a look at the text is cheaper than to parse them.
            if USER_AGENT not in line or not line.endswith(b"\n"):
                continue
            event = json.loads(line)
            account = event["user"]["username"].rpartition(":")[2]
            reference = event.get("objectRef", {})
            if account != operator_process.ACCOUNT or "resource" not in reference:
                continue
            subresource = reference.get("subresource")
            yield Right(
                reference.get("apiGroup", ""),
                reference["resource"] + (f"/{subresource}" if subresource else ""),
                event["verb"],
            )


def main() -> int:
    """0: used and granted are the same; 1: they differ; 2: there is nothing to compare."""
    logs = sorted(Path(sys.argv[1]).glob("*.log"))
    if not logs:
        print("no audit logs: the tests ran on a cluster that somebody named")
        return 2
    allowed, asked = granted(ROLES), used(logs) - EVERYBODY
    for right in sorted(allowed - asked):
        print(f"no test makes the operator use it, so take it away: {right}")
    for right in sorted(asked - allowed):
        print(f"the operator asked for what no shipped role allows: {right}")
    print(f"{len(allowed)} rights granted, {len(asked)} used, in {len(logs)} audit logs")
    return int(allowed != asked)


if __name__ == "__main__":
    sys.exit(main())
