"""Errors of commands: what happened, and what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

NO = 1
USAGE = 2
CANNOT_TELL = 3


class CommandError(Exception):
    """A command ends here. The message is for people, the code for scripts."""

    exit_code = NO


class WrongUsage(CommandError):
    """What was asked for makes no sense."""

    exit_code = USAGE


class CannotTell(CommandError):
    """The answer depends on something that could not be reached."""

    exit_code = CANNOT_TELL


def suggestion(wanted: str, known: Iterable[str]) -> str:
    """``; did you mean web?`` when one of the known names is near, else nothing."""
    near = difflib.get_close_matches(wanted, list(known), n=2, cutoff=0.6)
    return f"; did you mean {' or '.join(near)}?" if near else ""
