"""What a process uses, read from /proc, and how it is held to less."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
IDLE = 0.03
"""Share of one core under which a process counts as idle."""
REST_S = 3.0
SLICE_S = 0.05


def resident_mib(pid: int) -> float:
    """Resident memory."""
    return _memory_mib(pid, "VmRSS")


def peak_mib(pid: int) -> float:
    """The most resident memory that there was."""
    return _memory_mib(pid, "VmHWM")


def _memory_mib(pid: int, field: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(one for one in status.splitlines() if one.startswith(f"{field}:"))
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


@contextmanager
def meanwhile(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Let a thread work as long as the block lasts: until the event that it is given is set.

    What ended it before is raised: nothing is measured beside work that was not done.
    """
    over = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        working = threads.submit(work, over)
        try:
            yield
        finally:
            over.set()
        working.result()


@contextmanager
def held_to(share: float, pids: Sequence[int]) -> Iterator[None]:
    """Let processes run a part of the time only, and one after the other.

    So none takes a core from another or from the API server, as if each had a machine of its own.
    """
    assert share * len(pids) < 1, "their turns do not fit into a slice"

    def hold(over: threading.Event) -> None:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        while not over.is_set():
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
                time.sleep(SLICE_S * share)
                os.kill(pid, signal.SIGSTOP)
                time.sleep(SLICE_S * (1 / len(pids) - share))
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

    with meanwhile(hold):
        yield
