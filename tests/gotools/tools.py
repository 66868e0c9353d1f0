"""Helm, and Flux's kustomize-controller with its CRD: found in the cache, or built once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from controlplane.binaries import BuildFailed, find_go, tool

HERE = Path(__file__).parent
_STRIPPED = ("-ldflags", "-s -w")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flux:
    """Flux's kustomize-controller, and the CRDs that its module ships."""

    kustomize_controller: Path
    crds: Path


def helm(environment: Mapping[str, str] = os.environ) -> Path:
    """Helm. Building it takes about two minutes on two cores. Raises BuildFailed."""
    return tool("helm", "helm.sh/helm/v4/cmd/helm", HERE / "helm", environment, *_STRIPPED)


def flux(environment: Mapping[str, str] = os.environ) -> Flux:
    """The controller of Flux that applies. Building it takes some minutes. Raises BuildFailed."""
    module = "github.com/fluxcd/kustomize-controller"
    program = tool("kustomize-controller", module, HERE / "flux", environment, *_STRIPPED)
    crds = program.parent / "crds"
    with only_builder(program.parent, "the CRDs of Flux"):
        if not crds.is_dir():
            sources = _module_folder(module, HERE / "flux", environment)
            unfinished = crds.with_name("crds.new")
            shutil.rmtree(unfinished, ignore_errors=True)
            shutil.copytree(
                sources / "config" / "crd" / "bases", unfinished, copy_function=shutil.copyfile
            )
            unfinished.rename(crds)
    return Flux(kustomize_controller=program, crds=crds)


def _module_folder(name: str, module: Path, environment: Mapping[str, str]) -> Path:
    """Where Go keeps the sources of a module that another one requires."""
    done = subprocess.run(
        [str(find_go(environment)), "mod", "download", "-json", name],
        cwd=module,
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "GOTOOLCHAIN": "local", "GOWORK": "off"},
    )
    if done.returncode != 0:
        raise BuildFailed(f"the sources of {name} cannot be had: {done.stdout or done.stderr}")
    return Path(json.loads(done.stdout)["Dir"])
