"""YAML files of people: read with limits, edited in place, not one other byte touched.

The parser only says where a value stands; the text around it is never written anew, so comments,
order, quotes and line ends stay as somebody left them.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from pinnedrelease.cli.errors import WrongUsage

SIZE_LIMIT = 4 * 1024 * 1024
VALUES_LIMIT = 200_000
"""With every alias counted as often as it is used: a few lines can stand for billions of values."""
PLAIN, SINGLE, DOUBLE = None, "'", '"'
STDIN = "-"
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")


class _WithoutDates(yaml.SafeLoader):
    """As kubectl reads: what looks like a date is text."""


def _as_text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_WithoutDates.add_constructor("tag:yaml.org,2002:timestamp", _as_text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """New text for a span of the file."""

    start: int
    end: int
    text: str


def read_text(path: Path) -> str:
    """A file, or standard input for ``-``, line ends as they are. Raises WrongUsage."""
    try:
        raw = sys.stdin.buffer.read(SIZE_LIMIT + 1) if str(path) == STDIN else _read(path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise WrongUsage(f"{path} cannot be read: {reason}") from error
    if len(raw) > SIZE_LIMIT:
        raise WrongUsage(f"{path} is larger than 4 MiB; that is no manifest")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise WrongUsage(f"{path} is not UTF-8 text (byte {error.start})") from error


def write_text(path: Path, text: str) -> None:
    """Put a new text in the place of a file, in one step: never half of it. Raises WrongUsage."""
    target = path.resolve()
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
                out.write(text)
            Path(name).chmod(mode)
            Path(name).replace(target)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise WrongUsage(f"{path} cannot be written: {reason}") from error


def documents(text: str, where: str) -> list[yaml.MappingNode]:
    """The objects of a stream, items of Lists among them, as nodes that know where they stand.

    Raises WrongUsage with line and column for what is no YAML, for a key that stands twice, and
    for aliases that blow a small file up.
    """
    try:
        roots = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
        left = VALUES_LIMIT
        for root in roots:
            left -= _weight(root, where, {}, set())
            if left < 0:
                raise WrongUsage(f"{where}: aliases make this file too large; write it out")
    except yaml.YAMLError as error:
        raise WrongUsage(f"{where} is not valid YAML: {_one_line(error)}") from error
    except RecursionError as error:
        raise WrongUsage(f"{where} is nested too deeply") from error
    return [one for root in roots for one in _objects(root)]


def child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    """The value of a key, also where it comes in through a merge key (``<<``)."""
    pair = entry(node, key)
    return pair[1] if pair is not None else None


def entry(node: yaml.Node | None, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    """The key's and the value's node."""
    if not isinstance(node, yaml.MappingNode):
        return None
    merged: list[yaml.Node] = []
    for one, value in node.value:
        if one.value == key:
            return one, value
        if one.value == "<<":
            merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
    found = (entry(one, key) for one in merged)
    return next((one for one in found if one is not None), None)


def scalar(node: yaml.Node | None, *path: str) -> str | None:
    """The text at the end of a path, or None when there is no plain value."""
    for key in path:
        node = child(node, key)
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def items(node: yaml.Node | None) -> tuple[yaml.Node, ...]:
    """The items of a list; none when it is no list."""
    return tuple(node.value) if isinstance(node, yaml.SequenceNode) else ()


def line_of(node: yaml.Node) -> int:
    """The line on which a node begins, counted from 1."""
    return int(node.start_mark.line) + 1


def plain_value(node: yaml.Node) -> object:
    """A document as values, with the texts of the file: no date is made out of a tag.

    Raises WrongUsage for a value that cannot be read, such as a number of thousands of digits.
    """
    try:
        return _WithoutDates("").construct_document(node)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise WrongUsage(
            f"a value of the object at line {line_of(node)} cannot be read: {error}"
        ) from error


def replaced(node: yaml.Node, value: str, what: str) -> Edit:
    """The edit that puts a value in the place of another, in the quotes that are there.

    Raises WrongUsage for what does not stand there as text on one line.
    """
    if not isinstance(node, yaml.ScalarNode) or not _is_text_on_one_line(node):
        raise WrongUsage(f"{what} does not stand in the file as plain text; edit it by hand")
    if "{{" in node.value or "${" in node.value:
        raise WrongUsage(f"{what} is a template in this file; edit what fills it in")
    start = node.start_mark.index + _length_of_properties(node)
    return Edit(start=start, end=node.end_mark.index, text=quoted(value, node.style))


def _length_of_properties(node: yaml.ScalarNode) -> int:
    """How much of a node's text is its anchor and tag, which belong to it and have to stay."""
    start, end = node.start_mark, node.end_mark
    found = _PROPERTIES.match(str(start.buffer), start.pointer, end.pointer)
    return found.end() - start.pointer if found is not None else 0


def _is_text_on_one_line(node: yaml.ScalarNode) -> bool:
    is_one_line = node.start_mark.line == node.end_mark.line
    return is_one_line and node.style in (PLAIN, SINGLE, DOUBLE)


def applied(text: str, edits: Iterable[Edit]) -> str:
    """The text with all edits. Equal edits count once: an anchor is used in several places."""
    for edit in sorted(set(edits), key=lambda one: one.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def quoted(value: str, style: str | None) -> str:
    """The value in the quotes that were there; with quotes where it would not be text without."""
    if style == SINGLE:
        return "'" + value.replace("'", "''") + "'"
    if style == DOUBLE:
        return json.dumps(value, ensure_ascii=False)
    try:
        is_same = yaml.safe_load(value) == value
    except yaml.YAMLError:
        is_same = False
    # What reads back as itself alone may still end at a comment or a colon in its place.
    is_plain = is_same and not any(mark in value for mark in (": ", " #", "\n", ",", "{", "["))
    return value if is_plain else json.dumps(value, ensure_ascii=False)


def _read(path: Path) -> bytes:
    with path.open("rb") as source:
        return source.read(SIZE_LIMIT + 1)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _objects(root: yaml.Node) -> Iterator[yaml.MappingNode]:
    if not isinstance(root, yaml.MappingNode):
        return
    inner = child(root, "items")
    if (scalar(root, "kind") or "").endswith("List") and isinstance(inner, yaml.SequenceNode):
        yield from (one for one in inner.value if isinstance(one, yaml.MappingNode))
    else:
        yield root


def _weight(node: yaml.Node, where: str, known: dict[int, int], above: set[int]) -> int:
    """How many values a node stands for once every alias is written out."""
    if id(node) in known:
        return known[id(node)]
    if id(node) in above:
        raise WrongUsage(f"{where}, line {line_of(node)}: an alias that contains itself")
    above.add(id(node))
    weight = 1
    if isinstance(node, yaml.SequenceNode):
        weight += sum(_weight(one, where, known, above) for one in node.value)
    elif isinstance(node, yaml.MappingNode):
        _check_keys(node, where)
        weight += sum(_weight(value, where, known, above) for _, value in node.value)
    above.discard(id(node))
    known[id(node)] = weight
    return weight


def _check_keys(node: yaml.MappingNode, where: str) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise WrongUsage(
                f"{where}, line {line_of(key)}: a key that is not text; if this is "
                "a template, edit what fills it in"
            )
        if key.value in seen and key.value != "<<":
            raise WrongUsage(f"{where}, line {line_of(key)}: the key {key.value!r} stands twice")
        seen.add(key.value)


def _one_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else str(problem)
