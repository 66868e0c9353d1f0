"""Builds and runs the operator's image with buildah: no engine, no daemon."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
DEBIAN = "bookworm"
"""Its Python is 3.11, the oldest that we support."""
TOOLS = ("buildah", "debootstrap", "unshare", "chroot", "runc")
BUILD_S = 600


def missing() -> str | None:
    """Why no image can be built here, or None."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs root on Linux: buildah without an engine, and a chroot"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        return f"not installed: {', '.join(absent)}"
    if _debian_mirror() is None:
        return "no Debian mirror is configured here, from which to make a base image"
    return None


def _debian_mirror() -> str | None:
    """The mirror that this machine's own packages come from."""
    sources = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    for path in sources:
        if path.is_file():
            found = re.search(r"https?://\S+/debian/?(?=\s|$)", path.read_text())
            if found is not None:
                return found[0]
    return None


class Buildah:
    """buildah with a store of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = {
            **os.environ,
            "STORAGE_DRIVER": "vfs",
            "BUILDAH_ISOLATION": "chroot",
            "XDG_RUNTIME_DIR": str(folder / "run"),
        }
        (folder / "run").mkdir(parents=True)

    def __call__(self, *arguments: str) -> str:
        """Standard output of a command."""
        store = ("--root", str(self._folder / "store"), "--runroot", str(self._folder / "runroot"))
        done = subprocess.run(
            ["buildah", *store, *arguments],
            capture_output=True, text=True, check=False, env=self._environment, timeout=BUILD_S,
        )  # fmt: skip
        assert done.returncode == 0, f"buildah {arguments[0]}: {done.stderr[-3000:]}"
        return done.stdout.strip()

    def build(self, base: str, wheels: Path, tag: str) -> str:
        """Build the Dockerfile as a release does; returns the digest of the image."""
        digest = self._folder / f"{tag}.digest"
        self(
            "build", "--isolation=chroot", "--network=host", "--tls-verify=false", "--no-cache",
            "--layers=false", "--timestamp=0", "--build-arg", f"BASE={base}",
            "--volume", f"{wheels}:/wheels:ro", "--volume", f"{wheels}/pip.conf:/etc/pip.conf:ro",
            "--iidfile", str(digest), "--tag", tag, str(ROOT),
        )  # fmt: skip
        return digest.read_text().strip()

    def configuration(self, image: str) -> Mapping[str, object]:
        """What the image says about itself (OCI image configuration)."""
        found = json.loads(self("inspect", "--type=image", image))["OCIv1"]["config"]
        assert isinstance(found, dict)
        return found


def base_root(cache: Path) -> Path:
    """A minimal Debian with Python, made once into the user's cache folder."""
    made = cache / f"image-base-{DEBIAN}"
    if made.is_dir():
        return made
    scratch = cache / f"image-base-{DEBIAN}.{os.getpid()}"
    mirror = _debian_mirror()
    assert mirror is not None
    subprocess.run(
        ["debootstrap", "--variant=minbase",
         "--include=python3-minimal,python3-pip,ca-certificates", DEBIAN, str(scratch), mirror],
        check=True, capture_output=True, timeout=BUILD_S,
    )  # fmt: skip
    shutil.rmtree(scratch / "var/cache/apt", ignore_errors=True)
    shutil.rmtree(scratch / "var/lib/apt/lists", ignore_errors=True)
    scratch.rename(made)
    return made


def download_wheels(folder: Path) -> None:
    """Fetch what the lock names, and check it against the lock; pip.conf keeps pip to these.

    The build itself then needs neither a network nor this machine's certificates.
    """
    (folder / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
         "--require-hashes", "--only-binary", ":all:", "--no-deps", "--dest", str(folder),
         "--python-version", "3.11", "--requirement", str(ROOT / "requirements" / "operator.txt")],
        check=True, capture_output=True, timeout=BUILD_S,
    )  # fmt: skip
