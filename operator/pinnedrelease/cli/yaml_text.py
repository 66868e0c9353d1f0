"""YAML files of people: read with limits, edited in place, not one other byte touched.

The parser only says where a value stands; the text around it is never written anew, so comments,
order, quotes and line ends stay as somebody left them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import yaml

from pinnedrelease.cli.errors import WrongUsage
from pinnedrelease.cli.quoting import DOUBLE, SINGLE, quoted

VALUES_LIMIT = 200_000
"""With every alias counted as often as it is used: a few lines can stand for billions of values."""
PLAIN = None
_LINE_ENDS = "\0\r\n\x85\u2028\u2029"
_SURROGATE = re.compile("[\ud800-\udfff]")
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")


class _Loader(yaml.SafeLoader):
    """As kubectl reads: tabs may stand between values, where libyaml lets them."""

    def scan_to_next_token(self) -> None:
        """As PyYAML's, which knows blanks alone; the condition is that of libyaml's scanner.c."""
        if self.index == 0 and self.peek() == "\ufeff":
            self.forward()
        while True:
            while self.peek() == " " or (
                self.peek() == "\t" and (self.flow_level or not self.allow_simple_key)
            ):
                self.forward()
            if self.peek() == "#":
                while self.peek() not in _LINE_ENDS:
                    self.forward()
            if not self.scan_line_break():  # type: ignore[no-untyped-call]
                return
            if not self.flow_level:
                self.allow_simple_key = True


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


def documents(text: str, where: str) -> list[yaml.MappingNode]:
    """The objects of a stream, items of Lists among them, as nodes that know where they stand.

    Raises WrongUsage with line and column for what is no YAML, for a document that is no mapping,
    for a key that stands twice, and for aliases that blow a small file up.
    """
    try:
        roots = list(yaml.compose_all(text, Loader=_Loader))
        left = VALUES_LIMIT
        for root in roots:
            left -= _weight(root, where, {}, set())
            if left < 0:
                raise WrongUsage(f"{where}: aliases make this file too large; write it out")
    except yaml.YAMLError as error:
        raise WrongUsage(f"{where} is not valid YAML: {_one_line(error)}") from error
    except RecursionError as error:
        raise WrongUsage(f"{where} is nested too deeply") from error
    return [one for root in roots for one in _objects(root, where)]


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


def is_nothing(node: yaml.Node | None) -> bool:
    """No value, null, or what an override of Compose takes away (``!reset``)."""
    return node is None or node.tag in ("tag:yaml.org,2002:null", "!reset")


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


def _objects(root: yaml.Node, where: str) -> Iterator[yaml.MappingNode]:
    if is_nothing(root):
        return
    if not isinstance(root, yaml.MappingNode):
        raise WrongUsage(f"{where}, line {line_of(root)}: a document that is no mapping")
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
    if isinstance(node, yaml.ScalarNode):
        _join_surrogates(node, where)
    elif isinstance(node, yaml.SequenceNode):
        weight += sum(_weight(one, where, known, above) for one in node.value)
    elif isinstance(node, yaml.MappingNode):
        _check_keys(node, where)
        weight += sum(_weight(value, where, known, above) for _, value in node.value)
    above.discard(id(node))
    known[id(node)] = weight
    return weight


def _join_surrogates(node: yaml.ScalarNode, where: str) -> None:
    """One sign out of two halves: so JSON writes what is beyond the first plane of Unicode."""
    if _SURROGATE.search(node.value) is None:
        return
    try:
        node.value = node.value.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as error:
        message = f"{where}, line {line_of(node)}: half a sign (a surrogate without its other half)"
        raise WrongUsage(message) from error


def _check_keys(node: yaml.MappingNode, where: str) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise WrongUsage(
                f"{where}, line {line_of(key)}: a key that is not text; if this is "
                "a template, edit what fills it in"
            )
        _join_surrogates(key, where)
        if key.value in seen and key.value != "<<":
            raise WrongUsage(f"{where}, line {line_of(key)}: the key {key.value!r} stands twice")
        seen.add(key.value)


def _one_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else str(problem)
