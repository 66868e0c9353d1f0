"""What ``doctor`` has found: one line each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pinnedrelease.cluster.errors import ClusterError, Forbidden


class Result(StrEnum):
    """How bad it is."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"
    SKIP = "SKIP"
    """It could not be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fact, and what to do about it."""

    check: str
    result: Result
    message: str
    fix: str = ""


def ok(check: str, message: str) -> Finding:
    """All is well."""
    return Finding(check=check, result=Result.OK, message=message)


def warn(check: str, message: str, fix: str = "") -> Finding:
    """Something to know."""
    return Finding(check=check, result=Result.WARN, message=message, fix=fix)


def fail(check: str, message: str, fix: str) -> Finding:
    """Something that does not work."""
    return Finding(check=check, result=Result.FAIL, message=message, fix=fix)


def skip(check: str, why: str) -> Finding:
    """Something that could not be looked at."""
    return Finding(check=check, result=Result.SKIP, message=f"not checked: {why}")


def why(error: ClusterError) -> str:
    """The reason why a check could not be made, in few words."""
    return f"you may not ask ({error})" if isinstance(error, Forbidden) else str(error)
