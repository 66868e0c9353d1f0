"""When a text may stand in YAML without quotes, for every reader there is."""

from __future__ import annotations

import json
import re

SINGLE, DOUBLE = "'", '"'
_WORD = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./@:+-]*(?<!:)")
_NUMBER = re.compile(
    r"0x[0-9a-f_.]*(p[-+]?[0-9_]*)?|0[ob]?[0-9_]+"
    r"|[0-9][0-9_]*(:[0-9_]+)*(\.[0-9_]*)?(e[-+]?[0-9_]*)?"
    r"|\.[0-9_]*(e[-+]?[0-9_]*)?|\.?(inf|infinity|nan)",
    re.IGNORECASE,
)
"""Integers and floats of YAML 1.1 and 1.2, times of 1.1 (``1:30``), and what Go takes for one."""
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt:].*)?")
_NO_TEXT = frozenset({"y", "yes", "n", "no", "on", "off", "true", "false", "null"})


def quoted(value: str, style: str | None = None) -> str:
    """The value in the quotes that were there; with quotes where it would not be text without.

    kubectl reads ``y`` and ``1234e56`` by other rules than our parser; what is text by one of
    them alone gets quotes.
    """
    if style == SINGLE:
        return "'" + value.replace("'", "''") + "'"
    return value if style is None and _is_text(value) else json.dumps(value, ensure_ascii=False)


def _is_text(value: str) -> bool:
    if _WORD.fullmatch(value) is None or value.lower() in _NO_TEXT:
        return False
    return _NUMBER.fullmatch(value) is None and _DATE.fullmatch(value) is None
