"""The configuration for kube-state-metrics leads to fields that the CRD has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import kube_state_metrics

ROOT = Path(__file__).parents[3]
CRD = yaml.safe_load((ROOT / "crds" / "pinnedrelease.yaml").read_text())["spec"]
SCHEMA: dict[str, Any] = CRD["versions"][0]["schema"]["openAPIV3Schema"]
METADATA = {"namespace", "name", "generation"}


@pytest.mark.parametrize("path", sorted(set(kube_state_metrics.paths())), ids=".".join)
def test_a_path_leads_to_a_field_of_the_crd(path: tuple[str, ...]) -> None:
    if path[0] == "metadata":
        assert set(path[1:]) <= METADATA
        return
    schema = SCHEMA
    for part in path:
        schema = schema.get("items", schema)["properties"][part]

    assert schema["type"] in {"string", "integer", "boolean"}


def test_it_is_about_the_version_that_is_served() -> None:
    kind = kube_state_metrics.RESOURCE["groupVersionKind"]

    assert kind == {
        "group": CRD["group"],
        "version": CRD["versions"][0]["name"],
        "kind": CRD["names"]["kind"],
    }


def test_an_object_without_a_status_has_no_samples_that_say_more() -> None:
    new = {"metadata": {"namespace": "shop", "name": "web", "generation": 1}, "spec": {}}

    found = {name: value for name, _, value in kube_state_metrics.samples(new)}

    assert found == {
        "kube_pinnedrelease_info": 1,
        "kube_pinnedrelease_spec_suspend": 0,
        "kube_pinnedrelease_metadata_generation": 1,
    }
