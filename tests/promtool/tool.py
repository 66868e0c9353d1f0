"""promtool: found in the user's cache, or built into it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from controlplane.binaries import tool

HERE = Path(__file__).parent
PACKAGE = "github.com/prometheus/prometheus/cmd/promtool"
# Without the clients of clouds, which only a server that discovers targets needs.
_FLAGS = ("-tags", "remove_all_sd", "-ldflags", "-s -w")


def ensure(environment: Mapping[str, str] = os.environ) -> Path:
    """The program. Building takes about two minutes on two cores. Raises BuildFailed."""
    return tool("promtool", PACKAGE, HERE, environment, *_FLAGS)
