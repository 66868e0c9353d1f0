"""Workloads as people name them for kubectl: ``deploy/web``."""

from __future__ import annotations

from pinnedrelease.cli.errors import WrongUsage
from pinnedrelease.core.pin import Target, TargetKind

SPELLINGS = {
    **dict.fromkeys(("deployment", "deployments", "deploy", "deployment.apps"),
                    TargetKind.DEPLOYMENT),
    **dict.fromkeys(("statefulset", "statefulsets", "sts", "statefulset.apps"),
                    TargetKind.STATEFUL_SET),
    **dict.fromkeys(("daemonset", "daemonsets", "ds", "daemonset.apps"), TargetKind.DAEMON_SET),
    **dict.fromkeys(("cronjob", "cronjobs", "cj", "cronjob.batch"), TargetKind.CRON_JOB),
}  # fmt: skip


def as_target(text: str) -> Target | None:
    """The workload that a text names; None when it names none."""
    kind, slash, name = text.partition("/")
    found = SPELLINGS.get(kind.lower())
    if not slash or found is None or not name or "/" in name or ":" in name or "@" in name:
        return None
    return Target(kind=found, name=name)


def parse_target(text: str) -> Target:
    """A workload by kind and name; a name alone is a Deployment's. Raises WrongUsage."""
    target = as_target(text if "/" in text else f"deployment/{text}")
    if target is None:
        raise WrongUsage(
            f"{text!r} names no workload; write deploy/web, sts/db, ds/agent or cj/job"
        )
    return target
