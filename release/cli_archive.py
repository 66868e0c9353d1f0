"""Archives of ``pinrel``: unpack, and run with the machine's own Python.

Some dependencies are compiled for one Python each, and such files carry that Python in their name.
So one folder holds them for every Python that we support, and one archive serves all of them.
Nothing of another platform is run for it: every archive can be made on any machine, from the lock.
"""

from __future__ import annotations

import argparse
import filecmp
import gzip
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements" / "operator.txt"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
TOP = "pinrel"
PROGRAMS = {
    "pinrel": "main",
    "kubectl-pinned_release": "main",
    "kubectl_complete-pinned_release": "complete",
}
"""Names of the programs, and their functions in ``pinnedrelease.__main__``."""
LAUNCHER = """\
#!/usr/bin/env python3
import os
import sys

if not {oldest} <= sys.version_info[:2] <= {newest}:
    sys.exit("pinrel needs Python {first} to {last} as python3, this is " + sys.version.split()[0])
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "packages"))
from pinnedrelease.__main__ import {function}

sys.exit({function}())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What an archive is for."""

    name: str
    """As Krew and Go call it: os_arch."""
    wheels: tuple[str, ...]
    """Platform tags of the wheels that fit, best first."""

    @property
    def archive(self) -> str:
        """The file's name."""
        return f"pinrel_{self.name}.tar.gz"


PLATFORMS = (
    Platform(name="linux_amd64", wheels=("manylinux_2_17_x86_64", "manylinux2014_x86_64")),
    Platform(name="linux_arm64", wheels=("manylinux_2_17_aarch64", "manylinux2014_aarch64")),
    Platform(name="darwin_amd64", wheels=("macosx_11_0_x86_64",)),
    Platform(name="darwin_arm64", wheels=("macosx_11_0_arm64",)),
)


def install(platform: Platform, folder: Path) -> None:
    """Put the locked dependencies for a platform and all Pythons into a folder. Needs an index."""
    for python in PYTHONS:
        with tempfile.TemporaryDirectory() as scratch:
            subprocess.run(  # noqa: S603 - fixed words and our own lock
                [
                    sys.executable, "-m", "pip", "install", "--quiet",
                    "--disable-pip-version-check",
                    "--no-deps", "--no-compile", "--require-hashes", "--only-binary=:all:",
                    "--implementation=cp", f"--python-version={python}",
                    *(f"--platform={tag}" for tag in platform.wheels),
                    "--target", scratch, "--requirement", str(LOCK),
                ],
                check=True,
            )  # fmt: skip
            merge(Path(scratch), folder)


def merge(source: Path, folder: Path) -> None:
    """Add the files of one Python's packages to those of others.

    Raises ValueError when two Pythons have different files under one name, but for what describes a
    package, where the first one's is as good as any.
    """
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        if path.is_dir() or name.parts[0] == "bin":
            continue
        target = folder / name
        describes = name.parts[0].endswith(".dist-info")
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        elif not describes and not filecmp.cmp(path, target, shallow=False):
            raise ValueError(f"{name} is another one for another Python")


def archive(packages: Path, made_at: int) -> bytes:
    """The archive's bytes: the same for the same packages, source and time."""
    raw = BytesIO()
    with (
        gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=made_at) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, content, mode in sorted(_members(packages)):
            member = tarfile.TarInfo(f"{TOP}/{name}")
            member.size, member.mode, member.mtime = len(content), mode, made_at
            tar.addfile(member, BytesIO(content))
    return raw.getvalue()


def _members(packages: Path) -> Iterator[tuple[str, bytes, int]]:
    for name, function in PROGRAMS.items():
        yield name, _launcher(function).encode(), 0o755
    for name in ("LICENSE", "README.md", "CHANGELOG.md"):
        yield name, (ROOT / name).read_bytes(), 0o644
    for folder, source in (
        ("packages", packages),
        ("packages/pinnedrelease", ROOT / "operator" / "pinnedrelease"),
    ):
        for path in source.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"{folder}/{path.relative_to(source)}", path.read_bytes(), 0o644


def _launcher(function: str) -> str:
    first, last = PYTHONS[0], PYTHONS[-1]
    oldest, newest = (tuple(map(int, text.split("."))) for text in (first, last))
    return LAUNCHER.format(oldest=oldest, newest=newest, first=first, last=last, function=function)


def main(arguments: list[str]) -> int:
    """Write all archives into a folder."""
    parser = argparse.ArgumentParser(prog="python -m release.cli_archive", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write them")
    parser.add_argument("--made-at", type=int, required=True, help="time of the files, in seconds")
    given = parser.parse_args(arguments)
    given.folder.mkdir(parents=True, exist_ok=True)
    for platform in PLATFORMS:
        with tempfile.TemporaryDirectory() as packages:
            install(platform, Path(packages))
            content = archive(Path(packages), given.made_at)
            (given.folder / platform.archive).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
