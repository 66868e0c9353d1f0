"""The CRD: structural, bounded, described."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pinnedrelease.api.crd import custom_resource_definition
from pinnedrelease.api.structural import NotStructural, structural

VERSION: Any = custom_resource_definition()["spec"]["versions"][0]  # type: ignore[index,call-overload]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]


def nodes(schema: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")


OWN = [(path, node) for path, node in nodes(SCHEMA) if path.startswith((".spec", ".status"))]


@pytest.mark.parametrize(("path", "node"), OWN, ids=[path for path, _ in OWN])
def test_every_field_is_bounded_and_described(path: str, node: Any) -> None:
    if node["type"] == "string":
        assert "maxLength" in node or "enum" in node or node.get("format") == "date-time"
    if node["type"] == "array":
        assert "maxItems" in node
        assert "x-kubernetes-list-type" in node
    if not path.endswith("[]"):
        assert node.get("description"), f"{path} has no description"


def test_the_default_columns_fit_a_terminal() -> None:
    shown = [one["name"] for one in VERSION["additionalPrinterColumns"] if not one.get("priority")]

    assert shown == ["Tag", "Digest", "Pods", "Ready", "Status", "Age"]
    assert all(" " not in one["name"] for one in VERSION["additionalPrinterColumns"])


def test_there_is_no_phase() -> None:
    assert "phase" not in SCHEMA["properties"]["status"]["properties"]


def test_a_choice_of_types_has_no_structural_form() -> None:
    with pytest.raises(NotStructural):
        structural(
            {
                "type": "object",
                "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
            }
        )
