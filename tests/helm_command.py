"""Helm as a process."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from gotools import tools


class Helm:
    """Helm with a home of its own; with a kubeconfig it can reach that cluster, else none."""

    def __init__(self, home: Path, kubeconfig: Path | None = None) -> None:
        self._program = tools.helm()
        self._environment = {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "KUBECONFIG": str(kubeconfig or "/nowhere/kubeconfig"),
        }

    def __call__(self, *arguments: str, check: bool = True) -> str:
        """Run a command; its standard output, or with ``check=False`` all that it said."""
        done = subprocess.run(
            [str(self._program), *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=self._environment,
            timeout=400,
        )
        if not check:
            return done.stdout + done.stderr
        assert done.returncode == 0, f"helm {' '.join(arguments)}: {done.stderr}{done.stdout}"
        return done.stdout
