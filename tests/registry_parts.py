"""The registry room put together for a test, with loopback allowed where the test says so."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pinnedrelease.cluster.errors import NotFound
from pinnedrelease.cluster.secrets import Secret
from pinnedrelease.core.reference import Repository, parse_repository
from pinnedrelease.registry.access import Access
from pinnedrelease.registry.client import RegistryClient
from pinnedrelease.registry.conversation import Conversation
from pinnedrelease.registry.credentials import Credential
from pinnedrelease.registry.host_policy import HostPolicy
from pinnedrelease.registry.inquiry import Inquiry
from pinnedrelease.registry.referrers import Referrers
from pinnedrelease.registry.resolver import Resolver
from pinnedrelease.registry.sends import Sends
from pinnedrelease.registry.tagging import Tagging
from pinnedrelease.registry.token import TokenStore
from pinnedrelease.registry.transport import Transport

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that speaks to registries."""

    transport: Transport
    conversation: Conversation
    client: RegistryClient
    inquiry: Inquiry
    tagging: Tagging
    referrers: Referrers


class NoSecrets:
    """A cluster whose service accounts have no pull secrets."""

    async def secret(self, namespace: str, name: str) -> Secret:
        """There is none."""
        raise NotFound(f"{namespace}/{name}")

    async def pull_secrets_of(self, namespace: str, service_account: str) -> tuple[str, ...]:
        """None."""
        assert namespace
        assert service_account == "default"
        return ()


@asynccontextmanager
async def parts(
    *addresses: str,
    policy: HostPolicy | None = None,
    ca_file: Path | None = None,
    resolver: Resolver | None = None,
    plain: bool = True,
    around: Callable[[Sends], Sends] = lambda sends: sends,
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Parts]:
    """The room; the addresses may be private, and are asked without TLS unless told otherwise.

    ``around`` may put something around the transport.
    """
    allowed = replace(
        policy or HostPolicy(),
        private=frozenset(addresses),
        plain_http=frozenset(addresses) if plain else frozenset(),
    )
    transport = Transport(allowed, ca_file=ca_file, resolver=resolver)
    sends = around(transport)
    tokens = TokenStore(sends, allowed, monotonic=monotonic, now=lambda: NOW)
    conversation = Conversation(sends, allowed, tokens)
    client = RegistryClient(conversation, monotonic=time.monotonic, now=lambda: NOW)
    try:
        yield Parts(
            transport=transport,
            conversation=conversation,
            client=client,
            inquiry=Inquiry(client),
            tagging=Tagging(conversation, client, lambda: NOW),
            referrers=Referrers(conversation, client),
        )
    finally:
        await transport.close()


def repository(address: str, path: str = "team/web") -> Repository:
    """A repository at an address."""
    return parse_repository(f"{address}/{path}")


def access(*credentials: Credential, certificates: str | None = None) -> Access:
    """An access with these credentials."""
    return Access.of(b"key of the tests", tuple(credentials), certificates)


def password(word: str, user: str = "ana") -> Credential:
    """A user with a password."""
    return Credential(username=user, password=word)


class FixedResolver:
    """Answers look-ups from a list, in turn; the last answer stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = [list(one) for one in answers]
        self.lookups = 0

    async def resolve(
        self,
        host: str,  # noqa: ARG002 - the interface
        port: int,  # noqa: ARG002 - the interface
        limit_s: float | None,  # noqa: ARG002 - the interface
    ) -> list[str]:
        """The next answer."""
        self.lookups += 1
        return self._answers[min(self.lookups, len(self._answers)) - 1]
