"""What a request to the API server can end in, by what a caller does about it."""

from __future__ import annotations

from pinnedrelease.core.errors import PinnedReleaseError


class ClusterError(PinnedReleaseError):
    """Base of this room."""


class NotFound(ClusterError):
    """The object, or its kind, does not exist."""


class Conflict(ClusterError):
    """The object is not the one that was read any more: read again, plan again."""


class NotLeading(ClusterError):
    """This process does not hold the Lease any more, so it does not write."""


class Gone(ClusterError):
    """The version to watch from is too old: list again."""

    code = 410


class Forbidden(ClusterError):
    """RBAC or an admission policy does not allow it. Trying again at once is pointless."""


class Invalid(ClusterError):
    """The API server understood the request and refuses its content."""


class Unavailable(ClusterError):
    """No usable answer: refused, timed out, overloaded, or an error of the server.

    Whether a write was stored is unknown. ``retry_after_s`` is the server's wish, if it has one.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class CertificateRefused(Unavailable):
    """The API server's certificate is not signed by the authority that we know."""


class MalformedDocument(ClusterError):
    """The API server sent something that is not the object that was asked for."""


class NoConfiguration(ClusterError):
    """There is no way to reach a cluster: neither in-cluster files nor a usable kubeconfig."""
