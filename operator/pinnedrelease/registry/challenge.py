"""``WWW-Authenticate`` (RFC 9110, section 11.6.1), as registries really write it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

HEADER_LIMIT = 8192

_SCHEME = re.compile(r"[ \t,]*([A-Za-z][A-Za-z0-9!#$%&'*+.^_`|~-]*)(?=[ \t,]|$)")
_PARAMETER = re.compile(r'[ \t,]*([A-Za-z0-9_-]+)[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^\s,"]*)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One scheme, in lower case, with its parameters by lower-case name."""

    scheme: str
    parameters: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str | None:
        """A parameter's value, or None."""
        return dict(self.parameters).get(name)

    def is_like(self, other: Challenge) -> bool:
        """Whether it is answered in the same way; scopes are ours to say, errors are no matter."""
        return self.scheme == other.scheme and all(
            self.get(name) == other.get(name) for name in ("realm", "service")
        )


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """All challenges of a header value, in order. What cannot be read ends the list.

    Commas stand inside quoted scopes, several challenges stand in one line, names come in any
    case and values without quotes.
    """
    text = header[:HEADER_LIMIT]
    found: list[Challenge] = []
    position = 0
    while (scheme := _SCHEME.match(text, position)) is not None:
        position = scheme.end()
        parameters: list[tuple[str, str]] = []
        while (parameter := _PARAMETER.match(text, position)) is not None:
            parameters.append((parameter[1].lower(), _unquoted(parameter[2])))
            position = parameter.end()
        found.append(Challenge(scheme=scheme[1].lower(), parameters=tuple(parameters)))
    return tuple(found)


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
