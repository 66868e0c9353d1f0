"""What can be wrong with a resource that came from outside."""

from __future__ import annotations

from pinnedrelease.core.errors import PinnedReleaseError


class ApiError(PinnedReleaseError):
    """Base of this room."""


class InvalidResource(ApiError):
    """A resource breaks the rules. ``problems`` has one text per field, with its path."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class NotAResource(ApiError):
    """A document has no usable metadata: it did not come from an API server."""
