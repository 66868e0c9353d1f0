"""What can be wrong with a resource that came from outside."""

from __future__ import annotations

from pinnedrelease.core.errors import PinnedReleaseError


class ApiError(PinnedReleaseError):
    """Base of this room."""


class NotAResource(ApiError):
    """A document has no usable metadata: it did not come from an API server."""
