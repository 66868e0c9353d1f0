"""What carries a request to a registry: the transport, or what stands around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pinnedrelease.registry.transport import REDIRECTS, Answer


class Sends(Protocol):
    """Sends requests, as :class:`Transport` does."""

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        redirects: int = REDIRECTS,
        certificates: str | None = None,
    ) -> Answer:
        """One request with its redirects. Raises Unreachable, NotAllowed or BadAnswer."""
