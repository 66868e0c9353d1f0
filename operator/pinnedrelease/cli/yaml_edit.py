"""Edits of YAML files that touch the edited values and not one other byte.

The parser only says where a value stands; the text around it is never written anew, so comments,
order, quotes and line ends stay as somebody left them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

from pinnedrelease.cli.errors import WrongUsage

PLAIN, SINGLE, DOUBLE = None, "'", '"'


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edit:
    """New text for a span of the file."""

    start: int
    end: int
    text: str


def edit_release(text: str, name: str | None, values: Mapping[tuple[str, ...], str]) -> str:
    """The text with these values, by their path, in one PinnedRelease of the file.

    Raises WrongUsage when the file has no such PinnedRelease, or several, or when a value does
    not stand there as plain text (a template, an alias).
    """
    release = _find_release(text, name)
    edits = [_edit(text, release, path, value) for path, value in values.items()]
    for edit in sorted(edits, key=lambda one: one.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _find_release(text: str, name: str | None) -> yaml.MappingNode:
    try:
        found = [
            node
            for node in _documents(text)
            if _plain(node, ("kind",)) == "PinnedRelease"
            and (name is None or _plain(node, ("metadata", "name")) == name)
        ]
    except yaml.YAMLError as error:
        raise WrongUsage(f"the file is not plain YAML: {error}") from error
    wanted = f"PinnedRelease {name}" if name else "PinnedRelease"
    if not found:
        raise WrongUsage(f"the file has no {wanted}")
    if len(found) > 1:
        raise WrongUsage(f"the file has {len(found)} documents that are {wanted}; name one")
    return found[0]


def _documents(text: str) -> Iterator[yaml.MappingNode]:
    """The documents of a file, and the items of Lists in it."""
    for document in yaml.compose_all(text, Loader=yaml.SafeLoader):
        if not isinstance(document, yaml.MappingNode):
            continue
        items = _child(document, "items")
        if _plain(document, ("kind",)) == "List" and isinstance(items, yaml.SequenceNode):
            yield from (one for one in items.value if isinstance(one, yaml.MappingNode))
        else:
            yield document


def _child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    found: yaml.Node | None = next((value for one, value in node.value if one.value == key), None)
    return found


def _plain(node: yaml.Node | None, path: tuple[str, ...]) -> str | None:
    for key in path:
        node = _child(node, key)
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def _edit(text: str, release: yaml.MappingNode, path: tuple[str, ...], value: str) -> _Edit:
    spelled = ".".join(path)
    holder: yaml.Node | None = release
    for key in path[:-1]:
        holder = _child(holder, key)
    pair = (
        next(((one, node) for one, node in holder.value if one.value == path[-1]), None)
        if isinstance(holder, yaml.MappingNode)
        else None
    )
    if pair is None:
        raise WrongUsage(f"the file has no {spelled}; write it there first")
    key_node, node = pair
    is_text = isinstance(node, yaml.ScalarNode) and node.style in (PLAIN, SINGLE, DOUBLE)
    # The node of an alias is the anchor's own: it stands somewhere else.
    is_here = key_node.end_mark.index <= node.start_mark.index and not _is_alias(text, key_node)
    if not is_text or not is_here or node.start_mark.line != node.end_mark.line:
        raise WrongUsage(f"{spelled} does not stand in the file as plain text; edit it by hand")
    if "{{" in node.value or "${" in node.value:
        raise WrongUsage(f"{spelled} is a template in this file; edit what fills it in")
    return _Edit(
        start=node.start_mark.index, end=node.end_mark.index, text=_quoted(value, node.style)
    )


def _is_alias(text: str, key: yaml.Node) -> bool:
    rest = text[key.end_mark.index :].lstrip().removeprefix(":").lstrip()
    return rest.startswith("*")


def _quoted(value: str, style: str | None) -> str:
    """The value in the quotes that were there; with quotes where it would not be text without."""
    if style is not None:
        return f"{style}{value}{style}"
    try:
        is_same = yaml.safe_load(value) == value
    except yaml.YAMLError:
        is_same = False
    return value if is_same else f'"{value}"'
