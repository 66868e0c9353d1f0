"""What a registry's answer means: errors, pauses, the next page. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
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
_NO_REPOSITORY = re.compile(r"(?:repository|project)\b.*\bnot found\b", re.IGNORECASE | re.DOTALL)
_NO_ARTIFACT = re.compile(r"(?:artifact|resource):? '?([^\s']+)'? not found\.?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Named:
    """What was asked for; ``reference`` is a tag or a digest, or empty."""

    repository: str = ""
    reference: str = ""


NOTHING_NAMED = Named()


def error_codes(body: bytes) -> tuple[str, ...]:
    """The codes of an error body (distribution spec, "Error Codes"); none when it is no such."""
    codes = (one.get("code") for one in _errors(body))
    return tuple(code for code in codes if isinstance(code, str))[:CODES_SHOWN]


def _errors(body: bytes) -> tuple[Mapping[str, object], ...]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    errors = document.get("errors") if isinstance(document, dict) else None
    return tuple(one for one in errors if isinstance(one, dict)) if isinstance(errors, list) else ()


def says_no_repository(body: bytes) -> bool:
    """Whether a 404 is about the repository: there is none, or none for this credential."""
    return bool(_ABSENT & set(error_codes(body))) or any(
        _NO_REPOSITORY.match(sentence) for sentence in _harbor_sentences(body)
    )


def _names_what_is_missing(body: bytes, named: Named) -> bool:
    """Whether Harbor says that just this manifest is not there.

    Its code, NOT_FOUND, stands for anything that is not there: only the sentence tells.
    """
    wanted = {f"{named.repository}{separator}{named.reference}" for separator in "@:"}
    sentences = map(_NO_ARTIFACT.fullmatch, _harbor_sentences(body))
    return bool(named.repository and named.reference) and any(
        found is not None and found[1] in wanted for found in sentences
    )


def _harbor_sentences(body: bytes) -> tuple[str, ...]:
    messages = (one.get("message") for one in _errors(body) if one.get("code") == "NOT_FOUND")
    return tuple(one.strip() for one in messages if isinstance(one, str))


def error_for(
    what: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    named: Named = NOTHING_NAMED,
) -> RegistryError:
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
            return _not_found(text, codes, body, named)
        case HTTPStatus.REQUEST_TIMEOUT:
            return Unreachable(text)
        case _:
            is_server_error = status >= HTTPStatus.INTERNAL_SERVER_ERROR
            return Unreachable(text) if is_server_error else Rejected(text)


def _not_found(text: str, codes: tuple[str, ...], body: bytes, named: Named) -> RegistryError:
    """A 404 says "missing" only in the registry's own words.

    A proxy's page does not, and distribution answers MANIFEST_UNKNOWN when the Accept header does
    not fit.
    """
    if says_no_repository(body):
        return RepositoryNotFound(text)
    if "MANIFEST_UNKNOWN" in codes and b"accept header" not in body.lower():
        return ManifestNotFound(text)
    if _names_what_is_missing(body, named):
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
