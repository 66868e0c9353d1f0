"""Helm, and Flux's kustomize-controller with its CRD: found in the cache, or built once."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from controlplane.binaries import BuildFailed, build, cache_root, find_go, only_builder

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Flux:
    """Flux's kustomize-controller, and the CRDs that its module ships."""

    kustomize_controller: Path
    crds: Path


def helm(environment: Mapping[str, str] = os.environ) -> Path:
    """Helm. Building it takes about two minutes on two cores. Raises BuildFailed."""
    return _program("helm", "helm.sh/helm/v4/cmd/helm", HERE / "helm", environment)


def flux(environment: Mapping[str, str] = os.environ) -> Flux:
    """The controller of Flux that applies. Building it takes some minutes. Raises BuildFailed."""
    module = "github.com/fluxcd/kustomize-controller"
    program = _program("kustomize-controller", module, HERE / "flux", environment)
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


def _program(name: str, package: str, module: Path, environment: Mapping[str, str]) -> Path:
    pinned = (module / "go.mod").read_bytes() + (module / "go.sum").read_bytes()
    root = cache_root(environment).parent / "tools"
    folder = root / hashlib.sha256(pinned).hexdigest()[:16] / "bin"
    program = folder / name
    if not os.access(program, os.X_OK):
        with only_builder(folder, name):
            if not os.access(program, os.X_OK):
                build(package, program, module, environment)
    return program


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
