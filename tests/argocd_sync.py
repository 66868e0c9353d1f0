"""What Argo CD compares and applies under ``ignoreDifferences`` (controller/sync.go of v3.6)."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import yaml

from gojq_program import jq
from namespace import Namespace

FOLDER = Path(__file__).parents[1] / "integrations" / "argocd"
FIELD_MANAGER = "argocd-controller"
SERVER_SIDE = ("--server-side", "--force-conflicts")
"""The sync option ServerSideApply=true."""


def expressions(application: Path, kind: str, name: str) -> list[str]:
    """The jq paths that an Application ignores of a workload, where a sync respects them."""
    spec = yaml.safe_load(application.read_text())["spec"]
    assert "RespectIgnoreDifferences=true" in spec["syncPolicy"]["syncOptions"]
    return [
        path
        for one in spec["ignoreDifferences"]
        if (one["kind"], one["name"]) == (kind, name)
        for path in one["jqPathExpressions"]
    ]


def without_ignored(manifest: Any, ignored: list[str]) -> Any:
    """A manifest as it is compared."""
    for expression in ignored:
        manifest = jq(f"del({expression})", manifest)
    return manifest


def respecting(git: Any, live: Any, ignored: list[str]) -> Any:
    """What is applied: Git's manifest with the live values at the ignored paths.

    Argo CD makes a strategic merge patch of them, in which containers are told by their names.
    """
    target = without_ignored(copy.deepcopy(git), ignored)
    for expression in ignored:
        for path in jq(f"[path({expression})]", live):
            *way, number, field = path
            pod = target
            for step in way:
                pod = pod[step]
            source = jq(f"getpath({json.dumps([*way, number])})", live)
            for container in pod:
                if container["name"] == source["name"]:
                    container[field] = source[field]
    return target


def sync(namespace: Namespace, git: Any, ignored: list[str], flags: tuple[str, ...] = ()) -> None:
    """One sync of a workload."""
    target = respecting(git, live_of(namespace, git), ignored)
    namespace.kubectl(
        "apply", f"--field-manager={FIELD_MANAGER}", *flags, "-f", "-", stdin=json.dumps(target)
    )


def is_synced(
    namespace: Namespace, git: Any, ignored: list[str], flags: tuple[str, ...] = ()
) -> bool:
    """Whether applying Git's manifest would change anything that is not ignored."""
    target = respecting(git, live_of(namespace, git), ignored)
    done = namespace.cluster.kubectl(
        "-n", namespace.name, "diff", f"--field-manager={FIELD_MANAGER}", *flags, "-f", "-",
        stdin=json.dumps(target), check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    return done.returncode == 0


def live_of(namespace: Namespace, git: Any) -> Any:
    """The live object of a manifest."""
    return namespace.get(git["kind"].lower(), git["metadata"]["name"])
