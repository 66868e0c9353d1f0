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


def is_read_as_another(value: str) -> bool:
    """Whether some reader of YAML takes the text for a number, a truth value, a date or nothing."""
    is_word = value.lower() in _NO_TEXT
    return is_word or any(one.fullmatch(value.lstrip("+-")) for one in (_NUMBER, _DATE))


def _is_text(value: str) -> bool:
    return _WORD.fullmatch(value) is not None and not is_read_as_another(value)
