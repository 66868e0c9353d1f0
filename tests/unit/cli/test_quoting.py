"""What may stand in YAML without quotes, whichever parser reads it."""

from __future__ import annotations

import pytest
import yaml

from objects import DIGEST_A
from pinnedrelease.cli.output import as_yaml
from pinnedrelease.cli.quoting import quoted


@pytest.mark.parametrize(
    "value",
    [
        *("1234e56", "1.5e3", "1e3", "1.5", "17", "017", "0o17", "0x1F", "0b11", "1_000", "1:30"),
        *(
            "+1",
            "-1",
            ".5",
            "1.",
            ".inf",
            "-.inf",
            ".nan",
            "NaN",
            "Infinity",
            "0x1p-2",
            "190:20:30.15",
        ),
        *("y", "Y", "n", "yes", "No", "on", "OFF", "true", "FALSE", "null", "Null", "~", ""),
        *(
            "2026-11-24",
            "2026-11-24T10",
            "2026-1-4",
            "=",
            "<<",
            "-",
            "a: b",
            "a #b",
            "a:",
            "*a",
            "&a",
        ),
    ],
)
def test_what_any_parser_takes_for_no_text_gets_quotes(value: str) -> None:
    assert quoted(value) == f'"{value}"'


@pytest.mark.parametrize(
    "value",
    [
        *("1.2.3", "v1", "9d1c2e4", "latest", "1.0-rc.1", "web", "sha256", "yes1", "12ab"),
        *(DIGEST_A, f"ghcr.io/acme/web:1.0@{DIGEST_A}", "localhost:5000/web"),
    ],
)
def test_what_is_text_for_all_of_them_stays_plain(value: str) -> None:
    assert quoted(value) == value


def test_yaml_that_is_printed_keeps_texts_for_every_reader() -> None:
    data = {"tag": "1234e56", "y": ["1:30", "+1e3", "0o17", "v1", ""], "count": 3, "none": None}

    text = as_yaml(data)

    assert "tag: '1234e56'" in text
    assert "'y':\n- '1:30'\n- '+1e3'\n- '0o17'\n- v1\n" in text
    assert "count: 3" in text
    assert yaml.safe_load(text) == data
