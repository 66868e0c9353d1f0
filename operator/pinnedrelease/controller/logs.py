"""Log lines: a constant event name and fields, as text for people or JSON for machines.

Names and fields are listed in docs/logs.md, and a test compares that list with the calls.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_PACKAGE = __name__.partition(".")[0]
LIBRARY = "library"
"""The event of every line that a library writes: its words are no names to rely on."""


def set_up_logs(log_format: str, level: str) -> None:
    """Send the log of this process to standard error.

    Libraries say nothing below WARNING, whatever the level: kopf would log whole bodies, and httpx
    URLs, which in a redirect may be signed.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    own = logging.getLogger(_PACKAGE)
    own.setLevel(level.upper())
    logging.basicConfig(level=max(own.level, logging.WARNING), handlers=[handler], force=True)


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        line = {
            "time": _stamp(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            **_event(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """``time level event field=value``, one line each: control characters are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        event = _event(record)
        name = event.pop("event")
        fields = " ".join(f"{field}={_plain(value)}" for field, value in event.items())
        line = f"{_stamp(record)} {record.levelname.lower():7} {name} {fields}"
        if record.exc_info:
            line = f"{line.rstrip()}\n{self.formatException(record.exc_info)}"
        return line.rstrip()


def _event(record: logging.LogRecord) -> dict[str, object]:
    """The event's name and its fields. What libraries attach may be anything, so it is dropped."""
    if record.name.partition(".")[0] != _PACKAGE:
        return {"event": LIBRARY, "message": record.getMessage()}
    fields = {name: value for name, value in vars(record).items() if name not in _OWN}
    return {"event": record.getMessage(), **fields}


def _stamp(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _plain(value: object) -> str:
    return "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in str(value)
    )
