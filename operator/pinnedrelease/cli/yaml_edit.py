"""Edits of the pair in a file that declares a PinnedRelease."""

from __future__ import annotations

import json
from collections.abc import Mapping

import yaml

from pinnedrelease.api.fields import CAUSE_LIMIT
from pinnedrelease.cli.errors import WrongUsage
from pinnedrelease.cli.quoting import DOUBLE
from pinnedrelease.cli.yaml_text import (
    Edit,
    applied,
    child,
    documents,
    entry,
    plain_value,
    replaced,
    scalar,
)
from pinnedrelease.core.pin import Pin

_BLOCK_STYLES = ("|", ">")


def releases_in(text: str, where: str) -> dict[str, yaml.MappingNode]:
    """The PinnedReleases of a file by name. Raises WrongUsage when one has none or stands twice."""
    found: dict[str, yaml.MappingNode] = {}
    for node in documents(text, where):
        if scalar(node, "kind") != "PinnedRelease":
            continue
        name = scalar(node, "metadata", "name") or ""
        if name in found:
            raise WrongUsage(f"{where} has several documents that are PinnedRelease {name}")
        found[name] = node
    return found


def declare_in(text: str, name: str | None, pin: Pin, cause: str | None) -> str:
    """The text with another pair, and with its own cause or none: never that of the pair before.

    Raises WrongUsage as :func:`edit_release` does, and for a cause that no API server would take.
    """
    if cause is not None and len(cause) > CAUSE_LIMIT:
        raise WrongUsage(f"a change cause has at most {CAUSE_LIMIT} characters, not {len(cause)}")
    values: dict[tuple[str, ...], str] = {
        ("spec", "tag"): pin.tag,
        ("spec", "digest"): str(pin.digest),
    }
    edited = edit_release(text, name, values)
    edited = applied(edited, _cause_edits(edited, find_release(edited, name), cause))
    _check(text, edited, name, pin, cause)
    return edited


def _check(before: str, after: str, name: str | None, pin: Pin, cause: str | None) -> None:
    """Raise WrongUsage unless an edited text says what was asked for, and else what it said."""
    wanted = [
        _with_pair(one, pin, cause) if _is_release(one, name) else one for one in _values(before)
    ]
    try:
        is_right = [_without_empty_cause(one) for one in _values(after)] == wanted
    except WrongUsage:
        is_right = False
    if not is_right:
        raise WrongUsage(
            "the pair or its cause shares its text with something else in the file (an anchor, an "
            "alias, a merge key); edit it by hand"
        )


def _values(text: str) -> list[object]:
    return [plain_value(node) for node in documents(text, "the file")]


def _is_release(document: object, name: str | None) -> bool:
    if not isinstance(document, dict) or document.get("kind") != "PinnedRelease":
        return False
    return name is None or (document.get("metadata") or {}).get("name") == name


def _with_pair(document: object, pin: Pin, cause: str | None) -> object:
    if not isinstance(document, dict):
        return document
    spec = {**document["spec"], "tag": pin.tag, "digest": str(pin.digest), "changeCause": cause}
    return _without_empty_cause({**document, "spec": spec})


def _without_empty_cause(document: object) -> object:
    if not isinstance(document, dict) or not isinstance(document.get("spec"), dict):
        return document
    spec = {key: one for key, one in document["spec"].items() if key != "changeCause" or one}
    return {**document, "spec": spec}


def edit_release(text: str, name: str | None, values: Mapping[tuple[str, ...], str]) -> str:
    """The text with these values, by their path, in one PinnedRelease of the file.

    Raises WrongUsage when the file has no such PinnedRelease, or several, or when a value does
    not stand there as plain text (a template, an alias).
    """
    release = find_release(text, name)
    return applied(text, [_edit(text, release, path, value) for path, value in values.items()])


def find_release(text: str, name: str | None, where: str = "the file") -> yaml.MappingNode:
    """One PinnedRelease of a file. Raises WrongUsage when there is not exactly one."""
    found = releases_in(text, where)
    wanted = f"PinnedRelease {name}" if name else "PinnedRelease"
    if name is not None:
        found = {one: node for one, node in found.items() if one == name}
    if not found:
        raise WrongUsage(f"{where} has no {wanted}")
    if len(found) > 1:
        names = ", ".join(sorted(found))
        raise WrongUsage(f"{where} has {len(found)} documents that are {wanted}; name one: {names}")
    return next(iter(found.values()))


def _edit(text: str, release: yaml.MappingNode, path: tuple[str, ...], value: str) -> Edit:
    spelled = ".".join(path)
    holder: yaml.Node | None = release
    for key in path[:-1]:
        holder = child(holder, key)
    pair = entry(holder, path[-1])
    if pair is None:
        raise WrongUsage(f"the file has no {spelled}; write it there first")
    key_node, node = pair
    # The node of an alias is the anchor's own: it stands somewhere else.
    is_here = key_node.end_mark.index <= node.start_mark.index and not _is_alias(text, key_node)
    if not is_here:
        raise WrongUsage(f"{spelled} does not stand in the file as plain text; edit it by hand")
    return replaced(node, value, spelled)


def _is_alias(text: str, key: yaml.Node) -> bool:
    rest = text[key.end_mark.index :].lstrip().removeprefix(":").lstrip()
    return rest.startswith("*")


def _cause_edits(text: str, release: yaml.MappingNode, cause: str | None) -> list[Edit]:
    spec = child(release, "spec")
    pair, digest = entry(spec, "changeCause"), entry(spec, "digest")
    if digest is None or not isinstance(spec, yaml.MappingNode):
        return []
    if pair is None:
        return [] if cause is None else [_inserted(text, spec, digest, cause)]
    key, node = pair
    if cause is not None or spec.flow_style:
        end = "\n" if getattr(node, "style", None) in _BLOCK_STYLES else ""
        value = json.dumps(cause or "", ensure_ascii=False) + end
        if node.start_mark.index == node.end_mark.index:
            # Nothing stands there, and nothing lies between it and the colon.
            value = f" {value}"
        return [Edit(start=node.start_mark.index, end=node.end_mark.index, text=value)]
    start = text.rfind("\n", 0, key.start_mark.index) + 1
    return [Edit(start=start, end=_line_end(text, node), text="")]


def _inserted(
    text: str, spec: yaml.MappingNode, digest: tuple[yaml.Node, yaml.Node], cause: str
) -> Edit:
    key, node = digest
    name = '"changeCause"' if getattr(key, "style", None) == DOUBLE else "changeCause"
    value = f"{name}: {json.dumps(cause, ensure_ascii=False)}"
    if spec.flow_style:
        at = node.end_mark.index
        return Edit(start=at, end=at, text=f", {value}")
    line_end = "\r\n" if "\r\n" in text else "\n"
    at = _line_end(text, node)
    before = "" if text[:at].endswith("\n") else line_end
    return Edit(start=at, end=at, text=f"{before}{' ' * key.start_mark.column}{value}{line_end}")


def _line_end(text: str, node: yaml.Node) -> int:
    """Where the line after a value begins."""
    at = node.end_mark.index
    if text[at - 1 : at] == "\n":
        return int(at)
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1
