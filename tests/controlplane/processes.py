"""Child processes that never outlive their owner, not even a killed one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

STOP_S = 10.0
POLL_S = 0.05
# Runs in the child before the program: on Linux the kernel kills it when its parent dies
# (PR_SET_PDEATHSIG is 1). Elsewhere a killed parent leaves its children behind. The kernel means
# the thread that started the child: start children from a thread that lives as long as they do.
_SHIM = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


_started: weakref.WeakSet[Child] = weakref.WeakSet()


def report(always: str) -> list[tuple[str, str]]:
    """State and end of the log of each program of this name, and of each that died by itself."""
    found = []
    for child in sorted(_started, key=lambda one: one.pid):
        code = child.returncode
        if not child.is_stopped and (code is not None or child.name == always):
            state = "runs" if code is None else f"ended with {code}"
            found.append((f"{child.name} ({child.pid}) {state}", child.tail()))
    return found


class ProcessFailed(RuntimeError):
    """A program ended, or was not ready in time; the message has the end of its log."""


class Child:
    """One running program with a log file. It dies with the thread that creates this object."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self.is_stopped = False
        """Whether its owner has asked for its end."""
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-S", "-c", _SHIM, str(os.getpid()), *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment) if environment is not None else None,
                # Its own session: Ctrl-C in the terminal reaches the owner, who stops in order.
                start_new_session=True,
            )
        _started.add(self)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, or None while it runs."""
        return self._process.poll()

    def wait_until(self, is_ready: Callable[[], bool], timeout_s: float) -> None:
        """Wait until ready. Raises ProcessFailed with the end of the log."""
        deadline = time.monotonic() + timeout_s
        while not is_ready():
            self.check_running()
            if time.monotonic() > deadline:
                raise ProcessFailed(f"{self.name} is not ready after {timeout_s} s:\n{self.tail()}")
            time.sleep(POLL_S)

    def check_running(self) -> None:
        """Raise ProcessFailed with the end of the log when it has ended."""
        if self.returncode is not None:
            raise ProcessFailed(f"{self.name} ended with {self.returncode}:\n{self.tail()}")

    def wait(self, timeout_s: float) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""
        return self._process.wait(timeout_s)

    def send(self, number: signal.Signals) -> None:
        """Send a signal if it still runs."""
        if self.returncode is None:
            self._process.send_signal(number)

    def stop(self) -> None:
        """End it: politely, then not."""
        self.is_stopped = True
        self.send(signal.SIGTERM)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once."""
        self.is_stopped = True
        self.send(signal.SIGKILL)
        self._process.wait()

    def tail(self, characters: int = 3000) -> str:
        """The end of its log."""
        try:
            return self.log.read_text(errors="replace")[-characters:]
        except FileNotFoundError:
            return "(its log is gone)"


def free_port() -> int:
    """A port on loopback that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
