"""The reader of the audit log, by which promises about requests are judged, loses none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audit import AuditLog

LINE = (
    b"%s\n"
    % json.dumps(
        {
            "user": {"username": "operator"},
            "verb": "patch",
            "requestReceivedTimestamp": "2026-11-27T01:00:00Z",
            "stageTimestamp": "2026-11-27T01:00:01Z",
        }
    ).encode()
)


@pytest.mark.parametrize("before", [b"", LINE, LINE + LINE[:20]], ids=["empty", "a line", "half"])
def test_requests_count_from_the_line_after_the_start(tmp_path: Path, before: bytes) -> None:
    """A busy server was in the middle of a line at the start, and the rest of it was no JSON."""
    path = tmp_path / "audit.log"
    path.write_bytes(before)
    log = AuditLog(path, "operator")
    whole = LINE * (before.count(b"\n") + bool(before.partition(b"\n")[2]))

    path.write_bytes(whole + LINE + LINE[:20])

    assert len(log.requests()) == 1


def test_a_log_that_was_rotated_is_not_called_quiet(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_bytes(LINE * 3)
    log = AuditLog(path, "operator")

    path.write_bytes(LINE)

    with pytest.raises(AssertionError, match="rotated"):
        log.writes()
