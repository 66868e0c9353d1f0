"""The whole way of a pair, on real parts: build, push, capture, approval, production."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from controlplane.plane import ControlPlane
from controlplane.registry import Registry
from namespace import Namespace, eventually
from objects import deployment, pinned_release
from operator_process import OperatorProcess
from pinned_image import PinnedImage
from pinrel import Said, pinrel

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def registry(plane: ControlPlane) -> Registry:
    return plane.start_registry()


@pytest.fixture(scope="module", autouse=True)
def operator(
    registry: Registry, operator_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    flags = (
        f"--registry-private-host={registry.address}",
        f"--registry-plain-http={registry.address}",
        "--log-level=debug",
    )
    with OperatorProcess(operator_kubeconfig, tmp_path_factory.mktemp("op"), *flags) as process:
        yield process


@pytest.fixture
def production(namespace: Namespace) -> Iterator[Namespace]:
    """A second namespace, beside that of staging."""
    name = f"{namespace.name}-production"
    namespace.cluster.kubectl("create", "namespace", name)
    yield Namespace(namespace.cluster, name)
    namespace.cluster.kubectl("delete", "namespace", name, "--wait=false")


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=ana", "-c", "user.email=ana@example.com")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_production_runs_the_digest_that_was_built_although_the_tag_moved(
    namespace: Namespace, production: Namespace, registry: Registry, tmp_path: Path
) -> None:
    staging = PinnedImage(namespace, registry)
    before, built = staging.push(b"release 1"), staging.push(b"release 2", "2.0")
    for place in (namespace, production):
        place.apply(
            deployment(images={"web": f"{staging.repository}:1.0"}),
            pinned_release(repository=staging.repository, digest=before.digest),
        )
        place.wait_ready()
    metadata, capture = tmp_path / "metadata.json", tmp_path / "capture.json"
    metadata.write_text(
        json.dumps(
            {"containerimage.digest": built.digest, "image.name": f"{staging.repository}:2.0"}
        )
    )

    captured = pinrel(
        "capture", "--metadata-file", str(metadata), "--capture-file", str(capture),
        "--commit", "9d1c2e49d1c2",
    )  # fmt: skip
    assert captured.code == 0, captured.err
    malicious = staging.push(b"malicious", "2.0")
    to_staging = pinrel("promote", str(capture), "web", "--wait", "30s", namespace=namespace)
    assert to_staging.code == 0, to_staging.err
    assert f"tag 2.0 points elsewhere by now ({malicious.digest})" in to_staging.err

    # Approval: a file in Git that a person merges.
    file = tmp_path / "production.yaml"
    file.write_text(production.kubectl("get", "pinrel", "web", "-o", "yaml"))
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "production.yaml")
    git(tmp_path, "commit", "-q", "-m", "as it is")
    approved = pinrel("promote", "web", str(file), namespace=namespace)
    assert approved.code == 0, approved.err
    assert git(tmp_path, "diff", "--shortstat").strip().startswith("1 file changed")
    git(tmp_path, "commit", "-q", "-a", "-m", "release 2, approved by eva")
    declared = yaml.safe_load(file.read_text())["spec"]
    assert (declared["tag"], declared["digest"]) == ("2.0", built.digest)

    to_production = pinrel("promote", str(file), f"{production.name}/web", namespace=namespace)
    assert to_production.code == 0, to_production.err

    production.wait_ready(reason="PinnedTagMoved")
    assert production.image() == f"{staging.repository}@{built.digest}"
    eventually(
        lambda: (
            malicious.digest not in _image_ids(production)
            and built.digest in _image_ids(production)
        ),
        lambda: production.kubectl("get", "pods", "-o", "yaml"),
    )
    newest = production.release()["status"]["history"][0]
    assert newest["changeCause"] == f"{staging.path}@9d1c2e49d1c2"
    assert newest["actor"] == "pinrel"


def _image_ids(namespace: Namespace) -> str:
    return namespace.kubectl(
        "get", "pods", "-o", "jsonpath={.items[*].status.containerStatuses[*].imageID}"
    )


@pytest.fixture
def staged(namespace: Namespace, registry: Registry) -> PinnedImage:
    """A pair that staging runs."""
    case = PinnedImage(namespace, registry)
    case.deploy()
    case.pin(case.push(b"first").digest)
    namespace.wait_ready()
    return case


def promote(namespace: Namespace, *arguments: str) -> Said:
    return pinrel("promote", *arguments, namespace=namespace)


def test_a_source_that_does_not_run_its_pair_is_refused(
    staged: PinnedImage, production: Namespace
) -> None:
    namespace = staged.namespace
    production.apply(
        deployment(images={"web": f"{staged.repository}:1.0"}),
        pinned_release(repository=staged.repository, digest="sha256:" + "a" * 64),
    )
    staged.pin("sha256:" + "e" * 64, "2.0")
    namespace.wait_stalled("DigestMissing")

    refused = promote(namespace, "web", f"{production.name}/web")
    missing = promote(namespace, "web", f"{production.name}/web", "--allow-unready")

    assert (refused.code, refused.out) == (1, "")
    assert "does not run 2.0 (sha256:eeeeeeeeeeee) successfully: DigestMissing: " in refused.err
    assert "--allow-unready" in refused.err
    assert (missing.code, missing.out) == (1, "")
    assert "the registry has no sha256:eeee" in missing.err


def test_another_repository_is_a_mirror_only_when_it_has_the_digest(
    staged: PinnedImage, production: Namespace, registry: Registry
) -> None:
    mirror = f"{production.name}/mirror"
    production.apply(
        deployment(images={"web": f"{registry.address}/{mirror}:0.9"}),
        pinned_release(
            repository=f"{registry.address}/{mirror}", tag="0.9", digest="sha256:" + "a" * 64
        ),
    )
    registry.push_image(mirror, "0.9", b"other")
    destination = f"{production.name}/web"

    unasked = promote(staged.namespace, "web", destination)
    absent = promote(staged.namespace, "web", destination, "--mirror")
    pushed = registry.push_image(mirror, "1.0", b"first")
    present = promote(staged.namespace, "web", destination, "--mirror")

    assert (unasked.code, "use --mirror" in unasked.err) == (1, True)
    assert (absent.code, "the registry has no" in absent.err) == (1, True)
    assert present.code == 0, present.err
    spec = production.release()["spec"]
    assert (spec["repository"], spec["digest"]) == (
        f"{registry.address}/{mirror}",
        pushed.digest,
    )


def test_what_git_owns_is_shown_and_left_to_its_owner(
    staged: PinnedImage, production: Namespace
) -> None:
    release = pinned_release(repository=staged.repository, digest="sha256:" + "a" * 64)
    release["metadata"] = {
        "name": "web",
        "annotations": {"argocd.argoproj.io/tracking-id": "shop:x/y:z/web"},
    }
    production.apply(deployment(), release)

    said = promote(staged.namespace, "web", f"{production.name}/web")

    assert said.code == 1
    assert "+  digest: sha256:" in said.out
    assert "is owned by Argo CD (Application shop)" in said.err
    assert production.release()["spec"]["digest"] == "sha256:" + "a" * 64


def test_waiting_ends_with_the_reason_when_a_release_is_stalled(
    staged: PinnedImage, tmp_path: Path
) -> None:
    capture = tmp_path / "capture.json"
    digest = "sha256:" + "e" * 64
    pinrel(
        "capture", f"{staged.repository}:3.0@{digest}", "--no-registry",
        "--capture-file", str(capture),
    )  # fmt: skip

    said = promote(staged.namespace, str(capture), "web", "--no-registry", "--wait", "30s")

    assert said.code == 1
    assert "web is stalled: DigestMissing: " in said.err
