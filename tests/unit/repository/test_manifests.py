"""What the shipped manifests, chart and samples say, without a cluster to apply them to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from markdown_files import ROOT

MANIFESTS = ROOT / "manifests"
OPERATE = ROOT / "docs" / "how-to" / "operate.md"
CHART = ROOT / "integrations" / "helm" / "pinnedrelease"


def documents(name: str) -> list[Any]:
    return [one for one in yaml.safe_load_all((ROOT / name).read_text()) if one]


@pytest.mark.parametrize("name", ["manifests/base/deployment.yaml", "manifests/install.yaml"])
def test_a_pod_that_is_made_anew_under_the_same_name_has_another_identity(name: str) -> None:
    """A shard's pod that was deleted by force may still run on a node that is cut off."""
    (deployment,) = [one for one in documents(name) if one["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]

    assert "--identity=$(POD_NAME)_$(POD_UID)" in container["args"]
    places = {
        one["name"]: one["valueFrom"]["fieldRef"]["fieldPath"]
        for one in container["env"]
        if "valueFrom" in one
    }
    assert places == {"POD_NAME": "metadata.name", "POD_UID": "metadata.uid"}


def test_the_chart_has_the_identity_of_the_manifests() -> None:
    """Its other objects are compared with those of kustomize where Helm is there."""
    ours, theirs = (
        re.findall(r".*POD_(?:NAME|UID)\b.*", (folder / "deployment.yaml").read_text())
        for folder in (MANIFESTS / "base", CHART / "templates")
    )

    assert len(ours) == 3
    assert theirs == ours


@pytest.mark.parametrize(
    "name",
    ["crds/pinnedrelease.yaml", "manifests/install.yaml",
     "integrations/helm/pinnedrelease/files/crd.yaml"],
)  # fmt: skip
def test_argo_cd_and_flux_leave_the_crd_when_they_remove_the_operator(name: str) -> None:
    """With it went every PinnedRelease and its history."""
    (crd,) = [one for one in documents(name) if one["kind"] == "CustomResourceDefinition"]
    annotations = crd["metadata"]["annotations"]

    assert annotations["kustomize.toolkit.fluxcd.io/prune"] == "disabled"
    assert annotations["argocd.argoproj.io/sync-options"].split(",") == [
        "Prune=false", "Delete=false",
    ]  # fmt: skip


REMOVABLE = sorted(
    path.relative_to(ROOT)
    for folder in ("components", "overlays")
    for path in (MANIFESTS / folder).glob("*/*.yaml")
    if path.name != "kustomization.yaml"
)


@pytest.mark.parametrize("path", REMOVABLE, ids=str)
def test_the_page_says_how_to_delete_what_a_component_leaves_behind(path: Path) -> None:
    """kubectl apply deletes nothing, not even the right to read Secrets everywhere."""
    row = re.compile(rf"\| `(?:overlays/)?{path.parent.name}` \|")
    rows = [line for line in OPERATE.read_text().splitlines() if row.match(line)]

    for one in documents(str(path)):
        wanted = f"`{one['kind'].lower()} {one['metadata']['name']}`"
        assert any(wanted in row for row in rows), wanted


@pytest.mark.parametrize(
    "path",
    [OPERATE, MANIFESTS / "overlays/sharded/kustomization.yaml"],
    ids=["page", "overlay"],
)
def test_the_workloads_that_another_overlay_leaves_are_found_by_their_label(path: Path) -> None:
    text = path.read_text().replace("\\\n#   ", "")

    ((kinds, label),) = re.findall(r"delete (deployment,\S+) -l (\S+)", text)
    name, _, value = label.partition("=")
    assert kinds == "deployment,statefulset,pdb"
    for shipped in ("base/deployment.yaml", "overlays/ha/disruption-budget.yaml"):
        (one,) = documents(f"manifests/{shipped}")
        assert one["metadata"]["labels"][name] == value
