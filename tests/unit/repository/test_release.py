"""What a release hands out, made as the workflow makes it, but without an index or a registry."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tarfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
import yaml
from release import changelog, cli_archive, install_file, krew_manifest

from markdown_files import ROOT
from pinnedrelease import __version__

IMAGE = "ghcr.io/pinnedrelease/pinnedrelease@sha256:" + "5e" * 32
MADE_AT = 1_790_000_000
NEEDED = (
    "annotated-types", "durationpy", "pydantic", "pydantic-core", "pyyaml", "typing-extensions",
    "typing-inspection",
)  # fmt: skip


def test_the_changelog_can_be_read() -> None:
    found = changelog.versions(changelog.CHANGELOG.read_text())

    assert found
    assert found[0].name in (changelog.UNRELEASED, __version__)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# Changes\n", "does not begin"),
        ("# Changelog\n\n## 1.0\n\n### Added\n- a\n", "is neither"),
        ("# Changelog\n\n## Unreleased\n\n### Improved\n- a\n", "is none of"),
        ("# Changelog\n\n## Unreleased\n\n### Added\n", "has no entry"),
        ("# Changelog\n\n## Unreleased\n\n### Added\n- a\n\n### Added\n- b\n", "twice"),
        ("# Changelog\n\n## Unreleased\n\n### Added\n- a\nb\n", "is no entry"),
        (
            "# Changelog\n\n## 1.0.0 - 2026-01-01\n\n## 1.1.0 - 2026-02-01\n",
            "newest version is not the first",
        ),
        ("# Changelog\n\n## 1.0.0 - 2026-13-01\n", "month"),
        ("# Changelog\n\n## 1.0.0 - 2026-01-01\n\n## Unreleased\n", "not the first"),
    ],
    ids=lambda text: text[-20:].strip(),
)
def test_a_malformed_changelog_is_told(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        changelog.versions(text)


def test_the_notes_of_a_version_are_its_part_of_the_changelog() -> None:
    text = "# Changelog\n\n## Unreleased\n\n## 1.0.0 - 2026-01-01\n\n### Added\n- a\n  and b\n"

    assert changelog.notes(text, "1.0.0") == "### Added\n- a\n  and b\n"
    with pytest.raises(ValueError, match=re.escape("no part '## 1.0.1")):
        changelog.notes(text, "1.0.1")


def test_the_manifests_of_a_release_name_its_image_by_digest() -> None:
    text = install_file.INSTALL.read_text()
    made = install_file.installing(text, IMAGE)

    (deployment,) = [one for one in yaml.safe_load_all(made) if one["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == IMAGE
    lines = zip(text.splitlines(), made.splitlines(), strict=True)
    assert len([before for before, after in lines if before != after]) == 1


@pytest.mark.parametrize("image", ["ghcr.io/a/b:1.0", "ghcr.io/a/b@sha256:5e", "b"])
def test_an_image_without_a_digest_is_not_handed_out(image: str) -> None:
    with pytest.raises(ValueError, match="is not of the form"):
        install_file.installing(install_file.INSTALL.read_text(), image)


def test_the_base_of_the_image_is_named_by_digest() -> None:
    base = (ROOT / "release" / "base-image.txt").read_text()

    assert re.fullmatch(r"[a-z0-9./-]+:[\w.-]+@sha256:[a-f0-9]{64}\n", base)
    # Whoever follows the README and builds without arguments has the same one.
    assert f"\nARG BASE={base}" in (ROOT / "Dockerfile").read_text()


def test_whoever_builds_by_the_readme_has_an_image_that_tells_its_version() -> None:
    (line,) = re.findall(
        r"^\$ docker buildx build (.*)", (ROOT / "README.md").read_text(), re.MULTILINE
    )

    assert f"--build-arg VERSION={__version__} -t REGISTRY/pinnedrelease:{__version__} ." in line


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``pinrel crd`` needs, copied from this environment instead of an index."""
    folder = tmp_path_factory.mktemp("packages")
    for name in NEEDED:
        installed = distribution(name)
        for file in installed.files or []:
            source, target = Path(str(installed.locate_file(file))), folder / str(file)
            if ".." not in file.parts and source.is_file() and "__pycache__" not in file.parts:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read_bytes())
    return folder


@pytest.fixture(scope="module")
def archive(packages: Path) -> bytes:
    return cli_archive.archive(packages, MADE_AT)


def test_an_archive_is_the_same_whenever_it_is_made(packages: Path, archive: bytes) -> None:
    assert cli_archive.archive(packages, MADE_AT) == archive


def test_an_unpacked_archive_runs_by_any_of_its_names(archive: bytes, tmp_path: Path) -> None:
    (tmp_path / "pinrel.tar.gz").write_bytes(archive)
    with tarfile.open(tmp_path / "pinrel.tar.gz") as tar:
        assert {one.name.split("/")[0] for one in tar} == {cli_archive.TOP}
        tar.extractall(tmp_path, filter="data")
    folder = tmp_path / cli_archive.TOP
    linked = tmp_path / "kubectl-pinned_release"
    linked.symlink_to(folder / "kubectl-pinned_release")  # as Krew does
    python = tmp_path / "python3"
    python.symlink_to(Path(sys._base_executable))  # type: ignore[attr-defined]

    def said(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, capture_output=True, text=True, check=False, cwd="/",
            env={"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": "/nowhere"},
        )  # fmt: skip

    assert said(str(folder / "pinrel"), "version").stdout == f"{__version__}\n"
    assert "usage: kubectl pinned-release" in said(str(linked), "--help").stdout
    assert said(str(folder / "kubectl_complete-pinned_release"), "ver").stdout.startswith("ver")
    crd = said(str(linked), "crd")
    assert (crd.returncode, crd.stdout) == (0, (ROOT / "crds/pinnedrelease.yaml").read_text())
    assert not list(folder.rglob("__pycache__"))
    assert (folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_files_of_two_pythons_live_together_and_may_not_contradict(tmp_path: Path) -> None:
    both = tmp_path / "both"
    for python, text in (("cp311", "same"), ("cp312", "same"), ("cp313", "other")):
        wheel = tmp_path / python
        (wheel / "package-1.0.dist-info").mkdir(parents=True)
        (wheel / "package").mkdir()
        (wheel / "package-1.0.dist-info" / "WHEEL").write_text(python)
        (wheel / "package" / f"fast.{python}.so").write_text(python)
        (wheel / "package" / "__init__.py").write_text(text)
    cli_archive.merge(tmp_path / "cp311", both)
    cli_archive.merge(tmp_path / "cp312", both)

    names = {path.name for path in both.rglob("*.so")}
    assert names == {"fast.cp311.so", "fast.cp312.so"}
    with pytest.raises(ValueError, match="is another one for another Python"):
        cli_archive.merge(tmp_path / "cp313", both)


def test_the_krew_manifest_is_what_krew_documents(tmp_path: Path) -> None:
    for platform in cli_archive.PLATFORMS:
        (tmp_path / platform.archive).write_bytes(platform.name.encode())

    text = krew_manifest.manifest(krew_manifest.TEMPLATE.read_text(), __version__, tmp_path)

    plugin = yaml.safe_load(text)
    assert plugin["apiVersion"] == "krew.googlecontainertools.github.com/v1alpha2"
    assert (plugin["kind"], plugin["metadata"]) == ("Plugin", {"name": "pinned-release"})
    assert krew_manifest.TEMPLATE.stem == plugin["metadata"]["name"]
    spec = plugin["spec"]
    assert set(spec) == {
        "version", "homepage", "shortDescription", "description", "caveats", "platforms",
    }  # fmt: skip
    assert spec["version"] == f"v{__version__}"
    # Source: Krew documentation, "Naming guide" and "Plugin manifest".
    assert len(spec["shortDescription"]) <= 50
    assert "\n" not in spec["shortDescription"]
    assert not spec["shortDescription"].endswith(".")
    assert len(spec["platforms"]) == len(cli_archive.PLATFORMS)
    for one, platform in zip(spec["platforms"], cli_archive.PLATFORMS, strict=True):
        assert set(one) == {"selector", "uri", "sha256", "bin"}
        system, _, machine = platform.name.partition("_")
        assert one["selector"] == {"matchLabels": {"os": system, "arch": machine}}
        assert one["uri"].endswith(f"/v{__version__}/{platform.archive}")
        assert one["sha256"] == hashlib.sha256(platform.name.encode()).hexdigest()
        assert one["bin"] == f"{cli_archive.TOP}/kubectl-pinned_release"
    assert "kubectl-pinned_release" in cli_archive.PROGRAMS


def test_a_missing_archive_ends_the_release(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        krew_manifest.manifest(krew_manifest.TEMPLATE.read_text(), __version__, tmp_path)
