"""What the shipped manifests, chart and samples say, without a cluster to apply them to."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from markdown_files import ROOT

MANIFESTS = ROOT / "manifests"
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
