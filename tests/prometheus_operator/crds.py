"""The CRDs of the version that go.mod names."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from controlplane.binaries import BuildFailed, find_go

HERE = Path(__file__).parent
MODULE = "github.com/prometheus-operator/prometheus-operator"
KINDS = ("podmonitors", "prometheusrules", "servicemonitors")


def ensure(environment: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """The files; Go downloads the module into its own cache once. Raises BuildFailed."""
    result = subprocess.run(
        [str(find_go(environment)), "mod", "download", "-json", MODULE],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "-mod=mod"},
    )
    if result.returncode != 0:
        raise BuildFailed(f"{MODULE} cannot be downloaded:\n{result.stderr}{result.stdout}")
    folder = Path(json.loads(result.stdout)["Dir"]) / "example" / "prometheus-operator-crd"
    return tuple(folder / f"monitoring.coreos.com_{kind}.yaml" for kind in KINDS)
