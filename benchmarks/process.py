"""What a process uses, read from /proc."""

from __future__ import annotations

import os
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
IDLE = 0.03
"""Share of one core under which a process counts as idle."""
REST_S = 3.0


def resident_mib(pid: int) -> float:
    """Resident memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(one for one in status.splitlines() if one.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def busy_s(pid: int) -> float:
    """Processor time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def wait_idle(pid: int) -> float:
    """Wait until a process has nothing to do any more; the seconds until then."""
    began_s = time.monotonic()
    while True:
        busy_before_s = busy_s(pid)
        time.sleep(REST_S)
        if busy_s(pid) - busy_before_s < REST_S * IDLE:
            return time.monotonic() - began_s - REST_S
