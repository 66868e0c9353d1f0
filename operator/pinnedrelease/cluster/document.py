"""Typed steps into untyped JSON: each gives a value of the asked type or names the wrong field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from pinnedrelease.cluster.errors import MalformedDocument

_NOTHING: Mapping[str, object] = {}


class Document:
    """A JSON object with the way by which it was reached. Absent and null are the same.

    The way is put into words only for an error: lists of a large fleet have a million steps.
    """

    __slots__ = ("_index", "_name", "_parent", "_values")

    def __init__(
        self,
        values: Mapping[str, object],
        name: str = "",
        parent: Document | None = None,
        index: int | None = None,
    ) -> None:
        self._values = values
        self._name = name
        self._parent = parent
        self._index = index

    @classmethod
    def of(cls, value: object, path: str = "document") -> Document:
        """Wrap a JSON value. Raises MalformedDocument when it is no object."""
        if not isinstance(value, Mapping):
            raise _no_object(value, path)
        return cls(value, path)

    @property
    def values(self) -> Mapping[str, object]:
        """The JSON object itself, for a reader of its own."""
        return self._values

    def child(self, name: str) -> Document:
        """The object under a name; an empty one when there is none."""
        value = self._values.get(name)
        return self._wrap(_NOTHING if value is None else value, name)

    def children(self, name: str) -> Iterator[Document]:
        """The objects in the list under a name; none when there is no list."""
        value = self._values.get(name)
        if value is None:
            return
        if not isinstance(value, list):
            raise self._wrong(name, "a list")
        for index, item in enumerate(value):
            yield self._wrap(item, name, index)

    def text(self, name: str) -> str:
        """The text under a name. Raises MalformedDocument when there is none."""
        value = self.optional_text(name)
        if value is None:
            raise self._wrong(name, "a text")
        return value

    def optional_text(self, name: str) -> str | None:
        """The text under a name, or None."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, str):
            raise self._wrong(name, "a text")
        return value

    def number(self, name: str, default: int = 0) -> int:
        """The whole number under a name, or the default."""
        value = self._values.get(name, default)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(name, "a whole number")
        return value

    def time(self, name: str) -> datetime | None:
        """The instant under a name (RFC 3339), in UTC, or None."""
        value = self.optional_text(name)
        if value is None:
            return None
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise self._wrong(name, "a time") from error

    def texts(self) -> tuple[tuple[str, str], ...]:
        """All members whose value is a text, sorted by name."""
        pairs = ((name, value) for name, value in self._values.items() if isinstance(value, str))
        return tuple(sorted(pairs))

    def names(self) -> tuple[str, ...]:
        """The names of all members."""
        return tuple(self._values)

    def has(self, name: str) -> bool:
        """Whether there is a value that is not null."""
        return self._values.get(name) is not None

    @property
    def path(self) -> str:
        """The way by which it was reached."""
        step = self._name if self._index is None else f"{self._name}[{self._index}]"
        return step if self._parent is None else f"{self._parent.path}.{step}"

    def _wrap(self, value: object, name: str, index: int | None = None) -> Document:
        # JSON's objects are dicts; whether something is a Mapping takes five times as long.
        if isinstance(value, dict):
            return Document(value, name, self, index)
        raise _no_object(value, Document(_NOTHING, name, self, index).path)

    def _wrong(self, name: str, expected: str) -> MalformedDocument:
        return MalformedDocument(f"{self.path}.{name} is not {expected}")


def _no_object(value: object, path: str) -> MalformedDocument:
    return MalformedDocument(f"{path} is {type(value).__name__}, expected an object")
