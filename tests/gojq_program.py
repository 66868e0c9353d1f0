"""gojq, the jq of Argo CD: built once from its Go module, in the version that Argo CD v3.6 has."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from controlplane.binaries import tool

MODULE = Path(__file__).parent / "gojq"
PACKAGE = "github.com/itchyny/gojq/cmd/gojq"


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
    return tool("gojq", PACKAGE, MODULE, os.environ)
