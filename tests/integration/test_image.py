"""The image: built from the Dockerfile as a release is, and run against the real control plane."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from release import sbom

import container_image
import operator_process
import pinnedrelease
from container_image import Buildah, base_root, download_wheels
from controlplane.binaries import cache_root
from controlplane.plane import ControlPlane
from controlplane.processes import Child
from namespace import Namespace, eventually
from objects import DIGEST_A, REPOSITORY, deployment, pinned_release

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]


def test_the_dockerfile_is_clean() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    said = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, check=False)

    assert (said.returncode, said.stdout) == (0, b"")


def test_the_bill_of_materials_has_every_package_of_the_lock_and_is_always_the_same() -> None:
    text = sbom.rendered()
    bill = json.loads(text)

    locked = set(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", sbom.LOCK.read_text(), re.MULTILINE))
    assert {(one["name"], one["version"]) for one in bill["components"]} == locked
    assert all(one["hashes"] and one["purl"] for one in bill["components"])
    assert bill["bomFormat"] == "CycloneDX"
    assert text == sbom.rendered()


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    reason = container_image.missing()
    if reason is not None:
        pytest.skip(f"no image can be built here: {reason}")
    folder = tmp_path_factory.mktemp("buildah")
    yield Buildah(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def images(
    plane: ControlPlane, buildah: Buildah, tmp_path_factory: pytest.TempPathFactory
) -> Sequence[str]:
    """Two builds of the same commit on a base that is pinned by its digest; their ids."""
    registry = plane.start_registry()
    base = f"{registry.address}/python"
    container = buildah("from", "scratch")
    buildah("add", "--quiet", container, str(base_root(cache_root(os.environ))), "/")
    buildah("commit", "--quiet", "--timestamp=0", container, f"{base}:3.11")
    digest = tmp_path_factory.mktemp("base") / "digest"
    buildah("push", "--tls-verify=false", f"--digestfile={digest}", f"{base}:3.11")
    wheels = tmp_path_factory.mktemp("wheels")
    download_wheels(wheels)
    return [
        buildah.build(f"{base}@{digest.read_text().strip()}", wheels, f"operator-{number}")
        for number in (1, 2)
    ]


def test_two_builds_are_the_same_image(images: Sequence[str]) -> None:
    first, second = images

    assert first == second


def test_the_image_says_what_it_is_and_runs_as_nobody(
    buildah: Buildah, images: Sequence[str]
) -> None:
    configuration = buildah.configuration(images[0])

    assert configuration["User"] == "65532:65532"
    labels = configuration["Labels"]
    assert isinstance(labels, dict)
    assert labels["org.opencontainers.image.title"] == "pinnedrelease"
    assert {"org.opencontainers.image.version", "org.opencontainers.image.revision"} <= set(labels)
    assert "PIP_" not in str(configuration["Env"])


class Container:
    """A process in the image's files: its user, its entry point, a root that cannot be written."""

    def __init__(self, buildah: Buildah, image: str, folder: Path) -> None:
        self._buildah = buildah
        self._container = buildah("from", image)
        self._root = Path(buildah("mount", self._container))
        configuration = buildah.configuration(image)
        entry, self._user = configuration["Entrypoint"], str(configuration["User"])
        assert isinstance(entry, list)
        environment = configuration["Env"]
        assert isinstance(environment, list)
        self._environment, self._entry = [*map(str, environment)], [*map(str, entry)]
        self._folder = folder

    def run(self, *arguments: str, files: Path, script: str = "") -> Child:
        """Start it, or a shell script in it, with a folder of files at /mnt."""
        program = ["/bin/sh", "-c", script] if script else self._entry
        # In a mount namespace of its own: the files and the read-only root vanish with it.
        in_chroot = (
            'files=$0 root=$1 user=$2; shift 2; mount --bind "$root" "$root"'
            ' && mount --bind "$files" "$root/mnt" && mount -o remount,ro,bind "$root"'
            ' && exec chroot --userspec="$user" "$root" /usr/bin/env -i "$@"'
        )
        return Child(
            "operator-image",
            [shutil.which("unshare") or "unshare", "--mount", "--propagation=private",
             "/bin/sh", "-c", in_chroot, files, self._root, self._user, *self._environment,
             *program, *arguments],
            self._folder / "container.log",
        )  # fmt: skip

    def close(self) -> None:
        self._buildah("rm", self._container)


@pytest.fixture
def container(buildah: Buildah, images: Sequence[str], tmp_path: Path) -> Iterator[Container]:
    with contextlib.closing(Container(buildah, images[0], tmp_path)) as made:
        yield made


def test_it_reconciles_as_nobody_without_a_shell_and_without_a_place_to_write(
    plane: ControlPlane, container: Container, namespace: Namespace, tmp_path: Path
) -> None:
    files = tmp_path / "files"
    files.mkdir(mode=0o755)
    kubeconfig = plane.service_account_kubeconfig(
        operator_process.NAMESPACE, operator_process.ACCOUNT
    )
    shutil.copy(kubeconfig, files / "kubeconfig")
    (files / "kubeconfig").chmod(0o644)

    operator = container.run("controller", "--kubeconfig=/mnt/kubeconfig", files=files)
    try:
        operator.wait_until(lambda: "operator started" in operator.tail(), 30)
        namespace.apply(deployment(), pinned_release(registry={"check": "None"}))
        eventually(lambda: namespace.image() == f"{REPOSITORY}@{DIGEST_A}", operator.tail, 20)
        namespace.wait_ready()
        status = Path(f"/proc/{operator.pid}/status").read_text()
        assert re.search(r"^Uid:\s+65532\s+65532", status, re.MULTILINE)
    finally:
        operator.stop()
    assert operator.returncode == 0


def test_pinrel_is_on_the_path_for_the_scripts_of_pipelines(
    container: Container, tmp_path: Path
) -> None:
    """Tekton's steps call it by that name; the image had the module alone."""
    files = tmp_path / "files"
    files.mkdir(mode=0o755)

    step = container.run(files=files, script="pinrel version && echo done && exec sleep 60")
    try:
        step.wait_until(lambda: "done" in step.tail(), 30)
    finally:
        step.stop()
    assert pinnedrelease.__version__ in step.tail()
