"""One HTTP client for each set of certificates that somebody trusts."""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from pinnedrelease.registry.errors import NotAllowed
from pinnedrelease.tls import client_context

TRUST_SETS_LIMIT = 32
OWN = ""
"""Names the client that trusts nothing beside the operator's own certificates."""


class Closes(Protocol):
    """A client."""

    async def aclose(self) -> None:
        """Close its connections."""


Client = TypeVar("Client", bound=Closes)


@dataclass(slots=True)
class _Shared(Generic[Client]):
    client: Client
    users: int = 0
    given_up: bool = False


class TrustSets(Generic[Client]):
    """The clients by the certificates that they trust beside the operator's own.

    At most 32 are kept. One that makes room for another is closed when its last request has
    ended; the one that most namespaces use never makes room.
    """

    def __init__(
        self, new_client: Callable[[ssl.SSLContext], Client], ca_file: Path | None
    ) -> None:
        self._new_client = new_client
        self._ca_file = ca_file
        self._kept: OrderedDict[str, _Shared[Client]] = OrderedDict()

    @asynccontextmanager
    async def trusting(self, certificates: str) -> AsyncIterator[Client]:
        """A client for one request. Raises NotAllowed when the certificates cannot be read."""
        shared = self._kept.get(certificates)
        if shared is None:
            # Reading the system's certificates takes 20 ms and more.
            tls = await asyncio.to_thread(_tls, self._ca_file, certificates)
            shared = self._kept.setdefault(certificates, _Shared(self._new_client(tls)))
        self._kept.move_to_end(certificates)
        shared.users += 1
        try:
            await self._make_room()
            yield shared.client
        finally:
            shared.users -= 1
            if shared.given_up and not shared.users:
                await shared.client.aclose()

    async def close(self) -> None:
        """Close the connections."""
        for shared in self._kept.values():
            await shared.client.aclose()
        self._kept.clear()

    async def _make_room(self) -> None:
        while len(self._kept) > TRUST_SETS_LIMIT:
            oldest = self._kept.pop(next(one for one in self._kept if one != OWN))
            oldest.given_up = True
            if not oldest.users:
                await oldest.client.aclose()


def _tls(ca_file: Path | None, certificates: str) -> ssl.SSLContext:
    """Verification against the system's certificates and the given ones. Raises NotAllowed.

    Nothing has been sent then, so that is not counted against the host.
    """
    tls = client_context()
    try:
        if ca_file is not None:
            tls.load_verify_locations(cafile=ca_file)
        if certificates:
            tls.load_verify_locations(cadata=certificates)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise NotAllowed("the certificates to trust cannot be read") from error
    return tls
