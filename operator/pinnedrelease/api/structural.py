"""From a pydantic JSON schema to a structural schema, the subset that a CRD accepts.

Structural means: no references, a type at every level, no ``null`` alternatives, no titles.
Source: Kubernetes documentation, CustomResourceDefinition, "Specifying a structural schema".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from pinnedrelease.api.errors import ApiError

Json: TypeAlias = "Mapping[str, Json] | list[Json] | str | int | float | bool | None"
Schema: TypeAlias = dict[str, Json]

KEPT = (
    "type", "format", "description", "example", "default", "enum", "minimum", "maximum",
    "minLength", "maxLength", "maxItems", "pattern", "required",
)  # fmt: skip


class NotStructural(ApiError):
    """A model uses something that a structural schema cannot say."""


def structural(schema: Mapping[str, Json]) -> Schema:
    """The structural form of a model's JSON schema. Raises NotStructural for what has none."""
    definitions = schema.get("$defs", {})
    if not isinstance(definitions, Mapping):
        raise NotStructural("$defs is no object")
    return _node(schema, definitions)


def _node(schema: Mapping[str, Json], definitions: Mapping[str, Json]) -> Schema:
    resolved = _resolved(schema, definitions)
    result: Schema = {name: resolved[name] for name in KEPT if name in resolved}
    if result.get("default", "") in (None, []):
        del result["default"]
    examples = resolved.get("examples")
    if isinstance(examples, list) and examples:
        result["example"] = examples[0]
    result |= {name: value for name, value in resolved.items() if name.startswith("x-")}
    properties, items = resolved.get("properties"), resolved.get("items")
    if isinstance(properties, Mapping):
        result["properties"] = {
            name: _node(_object(value), definitions) for name, value in properties.items()
        }
    if isinstance(items, Mapping):
        result["items"] = _node(items, definitions)
    if "type" not in result:
        raise NotStructural(f"no type in {dict(resolved)}")
    return result


def _resolved(schema: Mapping[str, Json], definitions: Mapping[str, Json]) -> Schema:
    """Follow a reference and drop the ``null`` alternative; what stands beside it wins."""
    own: Schema = dict(schema)
    inner: Mapping[str, Json] = {}
    reference, alternatives = own.pop("$ref", None), own.pop("anyOf", None)
    if isinstance(reference, str):
        inner = _object(definitions[reference.removeprefix("#/$defs/")])
    elif isinstance(alternatives, list):
        real = [_object(one) for one in alternatives if _object(one).get("type") != "null"]
        if len(real) != 1:
            raise NotStructural(f"a field with alternatives is not structural: {alternatives}")
        inner = real[0]
    if not inner:
        return own
    return {**_resolved(inner, definitions), **own}


def _object(value: Json) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise NotStructural(f"expected a schema object, found {value!r}")
    return value
