"""Times as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from pinnedrelease.cli.errors import WrongUsage

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def parse_time(text: str) -> datetime:
    """A moment in UTC. Raises WrongUsage; a time without a zone is refused, not guessed."""
    if _DAY.fullmatch(text):
        text = f"{text}T00:00:00Z"
    try:
        found = datetime.fromisoformat(text)
        in_utc = found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise WrongUsage(
            f"{text[:64]!r} is no time; write 2026-10-03, 2026-10-03T12:00Z or "
            "2026-10-03T12:00+02:00"
        ) from error
    if found.tzinfo is None:
        raise WrongUsage(f"{text} has no time zone; write {text}Z for UTC, or for example +02:00")
    return in_utc


def is_day(text: str) -> bool:
    """Whether a whole day is meant."""
    return _DAY.fullmatch(text) is not None


def a_day_later(moment: datetime) -> datetime:
    """The end of a day that begins here; the last moment that there is, at the end of time."""
    try:
        return moment + timedelta(days=1)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
