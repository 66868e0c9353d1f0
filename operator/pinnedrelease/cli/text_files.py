"""Files of people as text: read with a limit, stored in one step, printed to the byte."""

from __future__ import annotations

import os
import re
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from pinnedrelease.cli.errors import WrongUsage

SIZE_LIMIT = 4 * 1024 * 1024
STDIN = "-"
_MODE = 0o777
_STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}
_DESCRIPTOR = re.compile(r"/dev/stdout|/dev/stderr|/(?:dev|proc/self)/fd/(\d+)")


def read_text(path: Path) -> str:
    """A file, or standard input for ``-``, line ends as they are. Raises WrongUsage."""
    try:
        raw = sys.stdin.buffer.read(SIZE_LIMIT + 1) if str(path) == STDIN else _read(path)
    except (OSError, RuntimeError) as error:
        raise WrongUsage(f"{path} cannot be read: {_reason(error)}") from error
    if len(raw) > SIZE_LIMIT:
        raise WrongUsage(f"{path} is larger than 4 MiB; that is no manifest")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise WrongUsage(f"{path} is not UTF-8 text (byte {error.start})") from error


def write_text(path: Path, text: str) -> None:
    """Put a new text in the place of a file, in one step: never half of it. Raises WrongUsage.

    What is no regular file (a pipe, a device, ``/dev/stdout``) is written into and stays.
    """
    try:
        if is_written_into(path):
            _write_into(path, text)
        else:
            # A link stays a link: the file behind it gets the text.
            _replace(path.resolve(), text)
    # Python 3.11 and 3.12 raise RuntimeError for links that lead round in a circle.
    except (OSError, RuntimeError) as error:
        raise WrongUsage(f"{path} cannot be written: {_reason(error)}") from error


def print_exactly(text: str) -> None:
    """A file's text to standard output: to the byte, as the next program is to get it."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8"))


def is_written_into(path: Path) -> bool:
    """Whether a path is a pipe, a device or the like, and not a file that could be replaced."""
    if _descriptor(path) is not None:
        return True
    return path.exists() and not stat.S_ISREG(path.stat().st_mode)


def _descriptor(path: Path) -> int | None:
    """The open file that a path names: it may be a regular one, by a redirection."""
    found = _DESCRIPTOR.fullmatch(os.path.normpath(path.absolute()))
    if found is None:
        return None
    return _STREAMS[found[0]] if found[1] is None else int(found[1])


def _write_into(path: Path, text: str) -> None:
    sys.stdout.flush()
    number = _descriptor(path)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND) if number is None else os.dup(number)
    with os.fdopen(handle, "wb") as target:
        target.write(text.encode("utf-8"))


def _replace(target: Path, text: str) -> None:
    before = target.stat() if target.exists() else None
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as new:
            new.write(text)
        if before is not None:
            # Root edits files of others; without its rights the file becomes the editor's own.
            with suppress(PermissionError):
                os.chown(name, before.st_uid, before.st_gid)
        Path(name).chmod(before.st_mode & _MODE if before is not None else 0o666 & ~_umask())
        Path(name).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _reason(error: OSError | RuntimeError) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "its links lead round in a circle"


def _read(path: Path) -> bytes:
    with path.open("rb") as source:
        return source.read(SIZE_LIMIT + 1)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
