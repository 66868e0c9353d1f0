"""promtool: found in the user's cache, or built into it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from controlplane.binaries import build, cache_root, only_builder

HERE = Path(__file__).parent
PACKAGE = "github.com/prometheus/prometheus/cmd/promtool"
# Without the clients of clouds, which only a server that discovers targets needs.
_FLAGS = ("-tags", "remove_all_sd", "-ldflags", "-s -w")


def ensure(environment: Mapping[str, str] = os.environ) -> Path:
    """The program. Building takes about two minutes on two cores. Raises BuildFailed."""
    pinned = (HERE / "go.mod").read_bytes() + (HERE / "go.sum").read_bytes()
    folder = cache_root(environment).with_name("promtool") / hashlib.sha256(pinned).hexdigest()[:16]
    program = folder / "bin" / "promtool"
    if not os.access(program, os.X_OK):
        with only_builder(program.parent):
            if not os.access(program, os.X_OK):
                build(program, PACKAGE, HERE, environment, *_FLAGS)
    return program
