"""gojq, the jq of Argo CD: built once from its Go module, in the version that Argo CD v3.6 has."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from controlplane.binaries import cache_root, find_go

MODULE = Path(__file__).parent / "gojq"
PACKAGE = "github.com/itchyny/gojq/cmd/gojq"
BUILD_SETTINGS = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off"}


def jq(expression: str, value: object) -> Any:
    """The one result of a jq expression. Raises CalledProcessError when it does not compile."""
    done = subprocess.run(
        [_program(), "--compact-output", expression],
        input=json.dumps(value),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@cache
def _program() -> Path:
    pinned = (MODULE / "go.mod").read_bytes() + (MODULE / "go.sum").read_bytes()
    program = cache_root(os.environ) / f"gojq-{hashlib.sha256(pinned).hexdigest()[:16]}"
    if program.exists():
        return program
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent) as scratch:
        output = Path(scratch) / "gojq"
        subprocess.run(
            [find_go(os.environ), "build", "-trimpath", "-o", output, PACKAGE],
            cwd=MODULE,
            env={**os.environ, **BUILD_SETTINGS},
            check=True,
        )
        output.rename(program)
    return program
