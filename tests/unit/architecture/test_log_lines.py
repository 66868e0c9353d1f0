"""Log calls have constant event names and documented fields, and nothing else is documented."""

from __future__ import annotations

import ast
import json
import logging
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pinnedrelease.controller.logs import JsonFormatter, TextFormatter, set_up_logs

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "operator" / "pinnedrelease"
DOCUMENT = ROOT / "docs" / "logs.md"
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
BASE = {"time", "level", "logger", "event", "exception", "trace_id", "span_id", "message"}


@dataclass(frozen=True)
class Call:
    """One log call."""

    place: str
    level: str
    event: str
    fields: frozenset[str]


def calls() -> Iterator[Call]:
    """The log calls of the package. Fails on one that is not made of constants."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _is_log_call(node.func):
                yield _read(node, f"{path.relative_to(PACKAGE)}:{node.lineno}")


def _is_log_call(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and function.attr in LEVELS
        and isinstance(function.value, ast.Name)
        and function.value.id == "log"
    )


def _read(call: ast.Call, place: str) -> Call:
    assert isinstance(call.func, ast.Attribute)
    level = {"exception": "error"}.get(call.func.attr, call.func.attr)
    (event,) = call.args[1:] if level == "log" else call.args
    assert isinstance(event, ast.Constant), f"{place}: the event name is no constant"
    assert isinstance(event.value, str), place
    assert "%" not in event.value, f"{place}: what varies belongs into fields"
    (extra,) = [one.value for one in call.keywords if one.arg == "extra"] or [ast.Dict([], [])]
    assert {one.arg for one in call.keywords} <= {"extra"}, place
    assert isinstance(extra, ast.Dict), f"{place}: fields are written out"
    names = [key.value for key in extra.keys if isinstance(key, ast.Constant)]
    assert len(names) == len(extra.keys), f"{place}: a field's name is no constant"
    return Call(place, level, event.value, frozenset(map(str, names)))


def documented(heading: str) -> list[list[str]]:
    """The rows of the table under a heading, without its head."""
    section = DOCUMENT.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def _names(cell: str) -> frozenset[str]:
    return frozenset(re.findall(r"`([^`]+)`", cell))


def test_every_event_is_documented_with_its_level_and_fields_and_no_other() -> None:
    called: dict[str, tuple[set[str], set[frozenset[str]]]] = {}
    for call in calls():
        levels, fields = called.setdefault(call.event, (set(), set()))
        levels.add(call.level)
        fields.add(call.fields)
    table = {
        next(iter(_names(event))): (set(levels.split(", ")), {_names(fields)})
        for event, levels, fields, _ in documented("Events")
    }

    assert len(table) == len(documented("Events")), "an event is documented twice"
    # One level that is chosen at run time stands for those that the document names.
    assert {
        event: (table.get(event, (set(), set()))[0] if levels == {"log"} else levels, fields)
        for event, (levels, fields) in called.items()
    } == table


def test_every_field_is_explained_once_and_no_other() -> None:
    explained = [name for row in documented("Fields") for name in _names(row[0])]

    assert sorted(explained) == sorted(set().union(*(call.fields for call in calls())))


def test_no_field_hides_one_that_every_line_has() -> None:
    taken = BASE | set(vars(logging.makeLogRecord({})))

    assert not [call for call in calls() if call.fields & taken]


def test_every_logger_is_a_module_s_and_called_log() -> None:
    """So that no call escapes the tests of this file."""
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        if path != PACKAGE / "controller" / "logs.py":
            made = re.findall(r"^(.*?)logging\.getLogger\((?!\)\.handlers)", text, re.MULTILINE)
            assert set(made) <= {"log = "}, path
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            on = node.func.value
            is_logging = isinstance(on, ast.Name) and on.id in ("logging", "warnings")
            assert not (is_logging and node.func.attr in LEVELS | {"warn"}), path


@pytest.fixture
def _logging() -> Iterator[None]:
    """The process's logging as it was, afterwards."""
    root, own = logging.getLogger(), logging.getLogger("pinnedrelease")
    before = (root.handlers[:], root.level, own.level)
    yield
    root.handlers[:], level, own_level = before
    root.setLevel(level)
    own.setLevel(own_level)


@pytest.mark.usefixtures("_logging")
def test_libraries_say_nothing_below_warning_however_much_is_wanted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logs("json", "debug")

    logging.getLogger("httpx").info("HTTP Request: GET https://cdn.example.com/?signature=x")
    logging.getLogger("kopf.objects").debug("the whole body")
    logging.getLogger("pinnedrelease.reconcile").debug("conflict", extra={"pin": "shop/web"})

    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "conflict"


def record(logger: str, message: str, **extra: object) -> logging.LogRecord:
    return logging.getLogger(logger).makeRecord(
        logger, logging.WARNING, __file__, 1, message, (), None, extra=extra
    )


def test_a_line_of_ours_has_its_fields_beside_the_event() -> None:
    ours = record("pinnedrelease.controller.workers", "pass ended early", pin="shop/web")

    line = json.loads(JsonFormatter().format(ours))

    assert line.keys() == {"time", "level", "logger", "event", "pin"}
    assert (line["level"], line["event"], line["pin"]) == (
        "warning",
        "pass ended early",
        "shop/web",
    )


def test_a_line_of_a_library_cannot_look_like_an_event_of_ours() -> None:
    theirs = record("kopf.objects", "leading", settings="everything that it was told")

    line = json.loads(JsonFormatter().format(theirs))

    assert (line["event"], line["message"]) == ("library", "leading")
    assert "settings" not in line


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[31mb", "a\u2028b"])
def test_what_others_say_cannot_begin_a_line(text: str) -> None:
    ours = record("pinnedrelease.registry.poller", "no answer", error=text)
    theirs = record("aiohttp", text)

    for line in (TextFormatter().format(ours), TextFormatter().format(theirs)):
        assert len(line.splitlines()) == 1
        assert "\x1b" not in line


def test_a_traceback_is_one_field_of_one_line() -> None:
    ours = record("pinnedrelease.controller.workers", "pass failed", pin="shop/web")
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        ours.exc_info = sys.exc_info()

    text = JsonFormatter().format(ours)

    assert len(text.splitlines()) == 1
    assert "ZeroDivisionError" in json.loads(text)["exception"]
