"""The reference of all fields, made from the CustomResourceDefinition: ``docs/crd.md``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping

from pinnedrelease.api import names
from pinnedrelease.api.crd import custom_resource_definition
from pinnedrelease.api.structural import Json, NotStructural

HEAD = f"""\
# Fields of a {names.KIND}

Made from the CustomResourceDefinition by `make references`; do not edit.
`kubectl explain {names.PLURAL}.spec` says the same in a terminal.

`apiVersion: {names.API_VERSION}`, `kind: {names.KIND}`; namespaced; short name
`{names.SHORT_NAME}`, category `{names.CATEGORY}`.
"""
LIMITS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "maxItems": "at most {} entries",
}
UNREMARKABLE = {("minLength", 1)}
"""What a required text says anyway."""


def render_crd_reference() -> str:
    """Markdown with every field, column and rule of the CRD, in the order of the CRD."""
    version = _list(_at(custom_resource_definition(), "spec", "versions"))[0]
    schema = _mapping(_at(version, "schema", "openAPIV3Schema"))
    parts = [HEAD, *_rules("", schema)]
    for part in ("spec", "status"):
        node = _mapping(_at(schema, "properties", part))
        parts.append(f"\n## {part}\n\n{_text(node.get('description', ''))}\n")
        parts += _fields(part, node)
    parts.append(_columns(_list(_at(version, "additionalPrinterColumns"))))
    parts.append(_selectable(_list(_at(version, "selectableFields"))))
    return "".join(parts)


def _fields(path: str, node: Mapping[str, Json]) -> Iterator[str]:
    """A table of one object's fields, then the same for each object in it."""
    properties = _mapping(node.get("properties", {}))
    if not properties:
        return
    required = _list(node.get("required", []))
    yield "\n| field | type | |\n|---|---|---|\n"
    for name, field in properties.items():
        yield _row(name, _mapping(field), is_required=name in required)
    yield from _rules(path, node)
    for name, field in properties.items():
        inner, suffix = _mapping(field), ""
        while "items" in inner:
            inner, suffix = _mapping(inner["items"]), f"{suffix}[]"
        if "properties" in inner:
            yield f"\n### {path}.{name}{suffix}\n"
            yield from _fields(f"{path}.{name}{suffix}", inner)


def _row(name: str, field: Mapping[str, Json], *, is_required: bool) -> str:
    about = [_text(field.get("description", ""))]
    if is_required:
        about.append("**Required.**")
    if "default" in field:
        about.append(f"Default `{_value(field['default'])}`.")
    choices = _list(field.get("enum", []))
    if choices:
        about.append(f"One of {', '.join(f'`{_value(one)}`' for one in choices)}.")
    about += [f"{text[0].upper()}{text[1:]}." for text in _limits(field)]
    if "properties" not in field:
        about += [f"Rule: {_text(one['message'])}." for one in _own_rules(field)]
    if "example" in field:
        about.append(f"Example: `{_value(field['example'])}`.")
    return f"| `{name}` | {_type(field)} | {' '.join(filter(None, about))} |\n"


def _type(field: Mapping[str, Json]) -> str:
    if field["type"] == "array":
        return f"list of {_type(_mapping(field['items']))}"
    return str(field.get("format") or field["type"])


def _limits(field: Mapping[str, Json]) -> Iterator[str]:
    for keyword, text in LIMITS.items():
        if keyword in field and (keyword, field[keyword]) not in UNREMARKABLE:
            yield text.format(field[keyword])
    if "pattern" in field:
        yield f"matches `{_text(field['pattern'])}`"


def _rules(path: str, node: Mapping[str, Json]) -> Iterator[str]:
    for rule in _own_rules(node):
        subject = f"`{path}`" if path else "The object"
        yield f"\n{subject}: {_text(rule['message'])}.\n"


def _own_rules(node: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    for rule in _list(node.get("x-kubernetes-validations", [])):
        yield _mapping(rule)


def _columns(columns: list[Json]) -> str:
    parts = ["\n## Columns of kubectl get\n\n| column | from | |\n|---|---|---|\n"]
    for column in map(_mapping, columns):
        wide = "with `-o wide`" if column.get("priority") else ""
        about = "; ".join(filter(None, [_text(column.get("description", "")), wide]))
        parts.append(f"| {str(column['name']).upper()} | `{column['jsonPath']}` | {about} |\n")
    return "".join(parts)


def _selectable(fields: list[Json]) -> str:
    paths = ", ".join(f"`{str(_mapping(one)['jsonPath']).removeprefix('.')}`" for one in fields)
    return (
        f"\n## Field selectors\n\n{paths}: for example `kubectl get {names.PLURAL} -A "
        "--field-selector spec.repository=registry.example.com/my-api`.\n"
    )


def _text(value: Json) -> str:
    """A cell of a Markdown table."""
    return str(value).replace("|", "\\|").replace("\n", " ")


def _value(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _at(node: Json, *path: str) -> Json:
    for name in path:
        node = _mapping(node)[name]
    return node


def _mapping(value: Json) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise NotStructural(f"no object: {value}")
    return value


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise NotStructural(f"no list: {value}")
    return value


if __name__ == "__main__":
    sys.stdout.write(render_crd_reference())
