"""How the samples for CI systems get pinrel: by its checksum, from what a release hands out."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from release import cli_archive

from markdown_files import ROOT

EXAMPLES = ROOT / "examples" / "ci"
SAID = "pinrel is here"
ARCHIVES = {platform.archive for platform in cli_archive.PLATFORMS}


def sample(*parts: str) -> Any:
    return yaml.safe_load(EXAMPLES.joinpath(*parts).read_text())


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive in the form of a release's, with a program that says that it is there."""
    program = f"#!/bin/sh\necho {SAID}\n".encode()
    path = tmp_path / "pinrel_linux_amd64.tar.gz"
    with tarfile.open(path, "w:gz") as made:
        entry = tarfile.TarInfo(f"{cli_archive.TOP}/pinrel")
        entry.size, entry.mode = len(program), 0o755
        made.addfile(entry, BytesIO(program))
    return path


def run(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    home = folder / "home"
    home.mkdir()
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "RUNNER_TEMP": str(home),
             "GITHUB_PATH": str(home / "path"), **variables},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def install_on_github(archive: Path, sha256: str) -> subprocess.CompletedProcess[str]:
    (step,) = sample("github", "install", "action.yml")["runs"]["steps"]
    assert set(step["env"]) == {"ARCHIVE", "SHA256"}
    # GitHub puts what stands in that file on the path of the steps that follow.
    script = step["run"] + '\nPATH="$(cat "$GITHUB_PATH"):$PATH" pinrel\n'
    return run(script, archive.parent, ARCHIVE=archive.as_uri(), SHA256=sha256)


def install_on_gitlab(archive: Path, sha256: str) -> subprocess.CompletedProcess[str]:
    install, *_ = sample("gitlab", ".gitlab-ci.yml")[".pinrel"]["before_script"]
    # Both scripts of a job run in one shell.
    return run(
        f"{install}\npinrel", archive.parent, PINREL_ARCHIVE=archive.as_uri(), PINREL_SHA256=sha256
    )


each = pytest.mark.parametrize("install", [install_on_github, install_on_gitlab])


@each
def test_pinrel_is_on_the_path_of_later_steps(install: Any, archive: Path) -> None:
    done = install(archive, hashlib.sha256(archive.read_bytes()).hexdigest())

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == SAID


@each
@pytest.mark.parametrize("sha256", ["0" * 64, ""])
def test_an_archive_with_another_checksum_is_not_unpacked(
    install: Any, archive: Path, sha256: str
) -> None:
    done = install(archive, sha256)

    assert done.returncode != 0
    assert SAID not in done.stdout
    assert not (archive.parent / "home" / "pinrel").exists()


def test_the_samples_name_what_a_release_hands_out_and_no_package_index() -> None:
    template = (ROOT / "release" / "krew" / "pinned-release.yaml").read_text()
    places = {uri.replace("v@VERSION@", "vX.Y.Z") for uri in re.findall(r"uri: (\S+)", template)}
    for variables in (
        sample("github", "workflow.yml")["env"], sample("gitlab", ".gitlab-ci.yml")["variables"],
    ):  # fmt: skip
        assert variables["PINREL_ARCHIVE"] in places
        assert variables["PINREL_ARCHIVE"].rpartition("/")[2] in ARCHIVES
        assert variables["PINREL_SHA256"] == "0" * 64
    for path in EXAMPLES.rglob("*.yml"):
        assert not re.search(r"pipx? install", path.read_text()), path


def test_gitlab_runs_for_tags_alone() -> None:
    """On a branch $CI_COMMIT_TAG is empty, and the image would have no name."""
    jobs = sample("gitlab", ".gitlab-ci.yml")

    assert "$CI_COMMIT_TAG" in jobs["variables"]["IMAGE"]
    assert jobs["workflow"]["rules"] == [{"if": "$CI_COMMIT_TAG"}]
