"""The kustomize component and the overlays to copy, rendered by kustomize and applied for real."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from controlplane.cluster import Cluster, KubectlFailed
from namespace import Namespace
from objects import DIGEST_A, DIGEST_B, cron_job, daemon_set, deployment, stateful_set

pytestmark = pytest.mark.integration

SHIPPED = Path(__file__).parents[2] / "integrations" / "kustomize"
OVERLAYS = ("release-decides", "images-decide")
REPOSITORY = "registry.example.com/my-api"
FIRST = "sha256:3f29a8c1d8e2b4f6a9c7d5e8b1f3a6c9d2e5f8b1a4c7d0e3f6a9c2d5e8b1f4a7"

Objects = dict[tuple[str, str], Any]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The folder as a user has it, to be changed."""
    shutil.copytree(SHIPPED, tmp_path / "kustomize")
    return tmp_path / "kustomize"


def rendered(cluster: Cluster, folder: Path) -> Objects:
    text = cluster.kubectl("kustomize", str(folder)).stdout
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(text)}


def promoted(copy: Path, overlay: str, tag: str, digest: str) -> Path:
    """An overlay in which somebody has written another pair, in the one place for it."""
    folder = copy / "example" / "overlays" / overlay
    path = folder / ("release.yaml" if overlay == "release-decides" else "kustomization.yaml")
    document = yaml.safe_load(path.read_text())
    if overlay == "release-decides":
        document["spec"] |= {"tag": tag, "digest": digest}
    else:
        document["images"][0] |= {"newTag": tag, "digest": digest}
    path.write_text(yaml.safe_dump(document))
    return folder


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_workload_and_release_have_the_pair_that_is_written_once(
    cluster: Cluster, copy: Path, overlay: str
) -> None:
    objects = rendered(cluster, promoted(copy, overlay, "1.10", DIGEST_A))

    spec = objects["PinnedRelease", "prod-my-api"]["spec"]
    assert (spec["repository"], spec["tag"], spec["digest"]) == (REPOSITORY, "1.10", DIGEST_A)
    (container,) = objects["Deployment", "prod-my-api"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"{REPOSITORY}@{DIGEST_A}"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_prefix_reaches_the_workload_and_the_secret_that_a_release_names(
    cluster: Cluster, overlay: str
) -> None:
    objects = rendered(cluster, SHIPPED / "example" / "overlays" / overlay)

    spec = objects["PinnedRelease", "prod-my-api"]["spec"]
    assert spec["targetRef"] == {"name": "prod-my-api"}
    assert spec["registry"]["secretRef"] == {"name": "prod-registry-credentials"}
    assert ("Secret", "prod-registry-credentials") in objects


@pytest.mark.parametrize("workload", [deployment, stateful_set, daemon_set, cron_job])
def test_every_kind_of_target_is_followed(cluster: Cluster, copy: Path, workload: Any) -> None:
    manifest = workload("web")
    release = {
        "apiVersion": "pinnedrelease.dev/v1alpha1",
        "kind": "PinnedRelease",
        "metadata": {"name": "web"},
        "spec": {
            "targetRef": {
                "apiVersion": manifest["apiVersion"],
                "kind": manifest["kind"],
                "name": "web",
            }
        },
    }
    overlay = copy / "overlay"
    overlay.mkdir()
    (overlay / "all.yaml").write_text(yaml.safe_dump_all([manifest, release]))
    kustomization = {
        "resources": ["all.yaml"],
        "components": ["../name-reference"],
        "namePrefix": "a-",
        "nameSuffix": "-z",
    }
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))

    objects = rendered(cluster, overlay)

    assert (manifest["kind"], "a-web-z") in objects
    assert objects["PinnedRelease", "a-web-z"]["spec"]["targetRef"]["name"] == "a-web-z"


def test_a_tag_without_its_digest_is_an_error_and_no_release(cluster: Cluster, copy: Path) -> None:
    path = copy / "example" / "overlays" / "images-decide" / "kustomization.yaml"
    document = yaml.safe_load(path.read_text())
    del document["images"][0]["digest"]
    path.write_text(yaml.safe_dump(document))

    with pytest.raises(KubectlFailed, match="index 1 is out of bounds"):
        rendered(cluster, path.parent)


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_applied_each_pair_is_one_rollout_and_no_drift(
    namespace: Namespace, copy: Path, overlay: str
) -> None:
    for number, (tag, digest) in enumerate(
        [("1.4.2", FIRST), ("1.5.0", DIGEST_A), ("1.6.0", DIGEST_B)], start=1
    ):
        namespace.kubectl("apply", "-k", str(promoted(copy, overlay, tag, digest)))
        namespace.wait_ready("prod-my-api")

        release = namespace.release("prod-my-api")
        assert release["status"]["image"] == f"{REPOSITORY}:{tag}@{digest}"
        metadata = namespace.get("deploy", "prod-my-api")["metadata"]
        assert metadata["annotations"]["deployment.kubernetes.io/revision"] == str(number)
        # A Deployment counts changes of its annotations, too: kubectl's and ours.
        assert metadata["generation"] <= 2 * number - 1
        assert release["status"].get("drift", []) == []
