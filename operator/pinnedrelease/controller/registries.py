"""Puts the parts that ask registries together, as the settings say."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from pinnedrelease.cluster.secrets import SecretReader
from pinnedrelease.cluster.session import Session
from pinnedrelease.controller.spans import Spans
from pinnedrelease.reconcile.clock import Clock
from pinnedrelease.reconcile.gather import Key
from pinnedrelease.reconcile.keyring import Keyrings
from pinnedrelease.reconcile.registry_watch import DAY_S, RegistryWatch
from pinnedrelease.registry.client import RegistryClient
from pinnedrelease.registry.conversation import Conversation
from pinnedrelease.registry.host_policy import HostPolicy
from pinnedrelease.registry.inquiry import Inquiry
from pinnedrelease.registry.poller import Poller
from pinnedrelease.registry.token import TokenStore
from pinnedrelease.registry.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySettings:
    """What a team allows the operator to ask, and how often."""

    policy: HostPolicy = field(default_factory=HostPolicy)
    ca_file: Path | None = None
    proxy: str | None = None
    rate_per_s: float = 20.0
    slow_interval_s: float = DAY_S


class RegistryParts:
    """The tasks and the watch of one operator process."""

    def __init__(
        self,
        settings: RegistrySettings,
        session: Session,
        clock: Clock,
        wake: Callable[[Key], None],
        tell: Callable[[str, str], None],
        spans: Spans,
    ) -> None:
        policy = _without_api_server(settings.policy, session.server)
        self._wake = spans.wakes(wake)
        self._transport = Transport(
            policy, ca_file=settings.ca_file, proxy=settings.proxy, tell=tell
        )
        monotonic, now = clock.monotonic_s, lambda: clock.now().wall
        sends = spans.sends(self._transport)
        tokens = TokenStore(sends, policy, monotonic=monotonic, now=now)
        conversation = Conversation(sends, policy, tokens)
        client = RegistryClient(conversation, monotonic=monotonic, now=now)
        self._poller = Poller(
            spans.asks(Inquiry(client)), clock, self._wake_all, rate_per_s=settings.rate_per_s
        )
        self._keyrings = Keyrings(SecretReader(session), clock, self._wake_all)
        self.watch = RegistryWatch(
            self._poller, self._keyrings, clock, slow_interval_s=settings.slow_interval_s
        )

    def tasks(self) -> Mapping[str, Awaitable[None]]:
        """What has to run beside the workers, by name."""
        return {"registries": self._poller.run(), "pull-secrets": self._keyrings.run()}

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    def _wake_all(self, followers: frozenset[object]) -> None:
        for follower in followers:
            if isinstance(follower, Key):
                self._wake(follower)


def _without_api_server(policy: HostPolicy, server: str) -> HostPolicy:
    """The policy that never leads to the API server, however an image is named."""
    parts = urlsplit(server)
    try:
        address = ipaddress.ip_address(parts.hostname or "")
    except ValueError:
        return policy
    return policy.never_to(f"{address}:{parts.port or 443}")
