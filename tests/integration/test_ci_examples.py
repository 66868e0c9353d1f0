"""The snippets of examples/ci: their shell parts are run as a CI system would run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from controlplane.plane import ControlPlane
from controlplane.registry import Registry
from namespace import Namespace
from objects import DIGEST_A
from pinnedrelease.registry.credentials import parse_docker_config

pytestmark = pytest.mark.integration

EXAMPLES = Path(__file__).parents[2] / "examples" / "ci"
COMMIT = "9d1c2e4f" * 5


@pytest.fixture(scope="module")
def registry(plane: ControlPlane) -> Registry:
    return plane.start_registry()


@pytest.fixture
def image(namespace: Namespace, registry: Registry) -> str:
    """Repository and tag of an image that has just been pushed."""
    return f"{registry.address}/{namespace.name}/web:2.0"


@pytest.fixture
def digest(namespace: Namespace, registry: Registry) -> str:
    return registry.push_image(f"{namespace.name}/web", "2.0", b"release 2").digest


@pytest.fixture
def folder(tmp_path: Path, image: str) -> Path:
    """A checkout with the PinnedRelease of staging."""
    (tmp_path / "web.yaml").write_text(f"""\
apiVersion: pinnedrelease.dev/v1alpha1
kind: PinnedRelease
metadata: {{name: web}}
spec:
  repository: {image.rpartition(":")[0]}
  tag: "1.0"   # for people
  digest: {DIGEST_A}
  targetRef: {{name: web}}
""")
    return tmp_path


def shell(script: str, folder: Path, variables: Mapping[str, str], program: str = "bash") -> None:
    """Run a script with pinrel on the path, as CI systems do: any failing line ends it."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "GITHUB_SHA": COMMIT,
        "GITHUB_REPOSITORY": "acme/web",
        **variables,
    }
    done = subprocess.run(
        [program, "-e", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def example(*parts: str) -> Any:
    return yaml.safe_load((EXAMPLES.joinpath(*parts)).read_text())


def assert_promoted(folder: Path, digest: str) -> None:
    spec = yaml.safe_load((folder / "web.yaml").read_text())["spec"]
    assert (spec["tag"], spec["digest"]) == ("2.0", digest)
    assert spec["changeCause"] == f"acme/web@{COMMIT[:12]}"
    assert '"2.0"   # for people' in (folder / "web.yaml").read_text()
    captured = json.loads((folder / "capture.json").read_text())
    assert (captured["digest"], captured["commit"]) == (digest, COMMIT)


def test_github_actions(folder: Path, image: str, digest: str, registry: Registry) -> None:
    output = folder / "output"
    capture = example("github", "capture", "action.yml")["runs"]["steps"][0]
    promote = example("github", "promote", "action.yml")["runs"]["steps"][0]
    given = {
        "IMAGE": image,
        "DIGEST": digest,
        "CAPTURE_FILE": "capture.json",
        "FILE": "web.yaml",
        "GITHUB_OUTPUT": str(output),
    }
    assert set(capture["env"]) | set(promote["env"]) | {"GITHUB_OUTPUT"} == set(given)

    shell(capture["run"], folder, given)
    registry.push_image(image.partition("/")[2].rpartition(":")[0], "2.0", b"malicious")
    shell(promote["run"], folder, given)

    assert_promoted(folder, digest)
    lines = output.read_text().splitlines()
    assert f"reference={image}@{digest}" in lines
    assert lines[-1] == "changed=true"
    shell(promote["run"], folder, given)
    assert output.read_text().splitlines()[-1] == "changed=false"


def test_the_github_workflow_uses_what_the_actions_have() -> None:
    jobs = example("github", "workflow.yml")["jobs"]
    for name in ("install", "capture", "promote"):
        action = example("github", name, "action.yml")
        required = {key for key, one in action["inputs"].items() if one.get("required")}
        steps = [
            step
            for job in jobs.values()
            for step in job["steps"]
            if step.get("uses") == f"./.github/actions/{name}"
        ]
        assert steps
        for step in steps:
            assert required <= set(step["with"]) <= set(action["inputs"])


def test_gitlab(folder: Path, image: str, digest: str) -> None:
    jobs = example("gitlab", ".gitlab-ci.yml")
    (folder / "digest.txt").write_text(digest)
    given = {"IMAGE": image, "RELEASE_FILE": "web.yaml"}

    for name in ("capture", "staging"):
        shell("\n".join(jobs[name]["script"]), folder, given)

    assert_promoted(folder, digest)
    assert f"reference={image}@{digest}" in (folder / "capture.env").read_text().splitlines()


def test_gitlab_hands_its_login_to_pinrel(folder: Path) -> None:
    install, *login = example("gitlab", ".gitlab-ci.yml")[".pinrel"]["before_script"]
    assert "$PINREL_ARCHIVE" in install
    given = {
        "CI_REGISTRY": "registry.example.com",
        "CI_REGISTRY_USER": "gitlab-ci-token",
        "CI_REGISTRY_PASSWORD": "glcbt-64_x",
    }

    shell("\n".join(login), folder, given)

    (entry,) = parse_docker_config((folder / ".docker" / "config.json").read_bytes())
    assert entry.key == "registry.example.com"
    assert entry.credential.username == "gitlab-ci-token"
    assert entry.credential.password == "glcbt-64_x"


def test_tekton(folder: Path, image: str, digest: str) -> None:
    result = folder / "reference"
    given = {
        "IMAGE_URL": image,
        "IMAGE_DIGEST": digest,
        "REFERENCE": str(result),
        "FILE": "web.yaml",
        # Where no login is bound.
        "DOCKER_CONFIG": "",
    }
    for name in ("capture", "promote"):
        (step,) = example("tekton", f"{name}-task.yaml")["spec"]["steps"]
        assert {one["name"] for one in step["env"]} <= set(given)
        shell(step["script"], folder, given, "sh")

    assert_promoted(folder, digest)
    assert result.read_text() == f"{image}@{digest}"
