"""The CLI as a process, in the namespace of a test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from namespace import Namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str


def pinrel(
    *arguments: str,
    namespace: Namespace | None = None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> Said:
    """Run a command; in the namespace when one is given, else without any cluster."""
    variables = {
        **os.environ,
        "KUBECONFIG": "/nowhere/kubeconfig",
        "HOME": "/nowhere",
        **(environment or {}),
    }
    if namespace is not None:
        variables["KUBECONFIG"] = str(namespace.cluster.admin_kubeconfig)
        arguments = (*arguments, "--namespace", namespace.name)
    done = subprocess.run(
        [sys.executable, "-m", "pinnedrelease", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        input=stdin,
        env={**variables, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=60,
    )
    return Said(code=done.returncode, out=done.stdout, err=done.stderr)
