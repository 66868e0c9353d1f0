"""What a registry's answer means: errors, pauses, the next page. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

from pinnedrelease.registry.errors import (
    BadAnswer,
    ManifestNotFound,
    RateLimited,
    RegistryError,
    Rejected,
    RepositoryNotFound,
    Unauthorized,
    Unreachable,
)

LONGEST_PAUSE_S = 900.0
SHORTEST_PAUSE_S = 1.0
CODES_SHOWN = 5
_LINK = re.compile(r"<([^>]*)>([^,<]*)")
_ABSENT = frozenset({"NAME_UNKNOWN", "NAME_INVALID"})


def error_codes(body: bytes) -> tuple[str, ...]:
    """The codes of an error body (distribution spec, "Error Codes"); none when it is no such."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    errors = document.get("errors") if isinstance(document, dict) else None
    if not isinstance(errors, list):
        return ()
    codes = (one.get("code") for one in errors if isinstance(one, dict))
    return tuple(code for code in codes if isinstance(code, str))[:CODES_SHOWN]


def error_for(what: str, status: int, headers: Mapping[str, str], body: bytes, now: datetime
              ) -> RegistryError:  # fmt: skip
    """The error that an answer of 400 and above stands for. ``what`` names the request."""
    codes = error_codes(body)
    text = f"{what}: {status} {' '.join(codes)}".rstrip()
    match status:
        case HTTPStatus.TOO_MANY_REQUESTS:
            pause_s = retry_after_s(headers.get("retry-after", ""), now)
            return RateLimited(text, retry_after_s=pause_s)
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return Unauthorized(text)
        case HTTPStatus.NOT_FOUND:
            return _not_found(text, codes, body)
        case HTTPStatus.REQUEST_TIMEOUT:
            return Unreachable(text)
        case _:
            is_server_error = status >= HTTPStatus.INTERNAL_SERVER_ERROR
            return Unreachable(text) if is_server_error else Rejected(text)


def _not_found(text: str, codes: tuple[str, ...], body: bytes) -> RegistryError:
    """A 404 says "missing" only in the registry's own words.

    A proxy's page does not, and distribution answers MANIFEST_UNKNOWN when the Accept header does
    not fit.
    """
    if _ABSENT & set(codes):
        return RepositoryNotFound(text)
    if "MANIFEST_UNKNOWN" in codes and b"accept header" not in body.lower():
        return ManifestNotFound(text)
    return BadAnswer(text)


def retry_after_s(value: str, now: datetime) -> float | None:
    """Seconds to wait by a ``Retry-After`` header, from 1 s to 15 min; None when unreadable."""
    text = value.strip()
    if text.isascii() and text.isdecimal():
        seconds = float(text[:12])
    else:
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return None
        at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
        seconds = (at - now).total_seconds()
    return min(max(seconds, SHORTEST_PAUSE_S), LONGEST_PAUSE_S)


def next_page(link: str, base: str) -> str | None:
    """The URL of the next page by a ``Link`` header (RFC 8288), or None.

    Only the query is taken from it: proxies rewrite scheme and path wrongly. Raises BadAnswer when
    it leads to another host.
    """
    for target, attributes in _LINK.findall(link):
        relations = attributes.lower().replace('"', "").replace(" ", "").split(";")
        if "rel=next" not in relations:
            continue
        url = urlsplit(urljoin(base, target))
        here = urlsplit(base)
        if url.hostname != here.hostname:
            raise BadAnswer("the registry's next page is on another host")
        return here._replace(query=url.query).geturl()
    return None
