"""Generated pages say everything, and are those that are committed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from markdown_files import ROOT
from pinnedrelease.api.crd import custom_resource_definition
from pinnedrelease.api.reference import render_crd_reference
from pinnedrelease.cli.reference import render_reference
from pinnedrelease.controller.reference import render_flags
from pinnedrelease.controller.settings import parser_of_the_operator


@pytest.mark.parametrize(
    ("name", "rendered"),
    [
        ("crd.md", render_crd_reference()),
        ("cli.md", render_reference()),
        ("operator-flags.md", render_flags()),
    ],
    ids=["crd", "cli", "flags"],
)
def test_a_generated_page_is_up_to_date(name: str, rendered: str) -> None:
    assert (ROOT / "docs" / name).read_text() == rendered


def test_every_field_of_the_crd_has_a_row_under_its_parent() -> None:
    crd: Any = custom_resource_definition()
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    headings = {"## spec": "spec", "## status": "status"}
    rows: set[tuple[str, str]] = set()
    parent = ""
    for line in render_crd_reference().splitlines():
        if line.startswith("#"):
            parent = headings.get(line, line.removeprefix("### "))
        elif line.startswith("| `"):
            rows.add((parent, line.split("`")[1]))

    expected = {pair for part in ("spec", "status") for pair in fields(part, schema[part])}
    assert expected <= rows
    assert len(expected) > 80


def fields(path: str, node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, field in node.get("properties", {}).items():
        yield path, name
        inner, suffix = field, ""
        while "items" in inner:
            inner, suffix = inner["items"], f"{suffix}[]"
        yield from fields(f"{path}.{name}{suffix}", inner)


def test_a_default_is_printed_as_the_flag_takes_it() -> None:
    """A shard stood there as Python prints it, which the flag refuses."""
    parser = parser_of_the_operator({})
    defaults = dict(
        re.findall(r"^\| `(?:-\w, )?(--[\w-]+) \S+` \| `(.*?)` \|", render_flags(), re.MULTILINE)
    )

    assert len(defaults) > 10
    for flag, text in defaults.items():
        given = parser.parse_args([flag, text])
        (action,) = (one for one in parser._actions if flag in one.option_strings)
        assert getattr(given, action.dest) == action.default, flag


def test_every_flag_of_the_operator_has_a_row() -> None:
    text = render_flags()

    for action in parser_of_the_operator({})._actions:
        if action.dest != "help":
            assert text.count(f"{action.option_strings[-1]} ") + text.count(
                f"{action.option_strings[-1]}`"
            )
