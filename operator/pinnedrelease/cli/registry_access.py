"""Registry questions of a command: with the logins of the person who runs it."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pinnedrelease.cli.errors import CannotTell, CommandError
from pinnedrelease.cli.logins import credentials_for
from pinnedrelease.core.digest import Digest
from pinnedrelease.core.pin import Pin
from pinnedrelease.core.reference import Repository
from pinnedrelease.reconcile.clock import SystemClock
from pinnedrelease.registry.access import Access
from pinnedrelease.registry.client import RegistryClient
from pinnedrelease.registry.conversation import Conversation
from pinnedrelease.registry.endpoint import endpoint_for, is_loopback
from pinnedrelease.registry.errors import (
    ManifestNotFound,
    NotAllowed,
    RegistryError,
    Rejected,
    TokenHostNotListed,
)
from pinnedrelease.registry.host_policy import HostPolicy
from pinnedrelease.registry.manifest import Manifest
from pinnedrelease.registry.tagging import Tagging, TagMovedMeanwhile
from pinnedrelease.registry.token import TokenStore
from pinnedrelease.registry.transport import Transport

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What the registry says of a pair now."""

    is_there: bool | None
    """None: it does not tell."""
    tag_digest: Digest | None
    """What the tag points at now; None: nothing, or not told."""
    trouble: str = ""


def add_registry_arguments(parser: argparse.ArgumentParser) -> None:
    """How to reach registries."""
    group = parser.add_argument_group("registry")
    group.add_argument(
        "--plain-http",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="registry to ask without TLS, repeatable; loopback addresses are anyway, unless "
        "--registry-ca-file is given",
    )
    group.add_argument(
        "--token-host",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="token server that may see the registry's login, when it is another host",
    )
    group.add_argument(
        "--registry-ca-file", type=Path, metavar="FILE", help="certificates to trust"
    )


def add_no_registry(parser: argparse.ArgumentParser) -> None:
    """The flag that skips what only a registry can tell."""
    parser.add_argument(
        "--no-registry", action="store_true", help="ask no registry, and believe what is declared"
    )


class Asker:
    """One repository of one registry. Raises RegistryErrors."""

    def __init__(
        self, repository: Repository, access: Access, client: RegistryClient, tagging: Tagging
    ) -> None:
        self.repository = repository
        self._access = access
        self.client = client
        self._tagging = tagging

    @property
    def access(self) -> Access:
        """On whose behalf is asked."""
        return self._access

    async def exists(self, digest: Digest) -> bool:
        """Whether the registry has the digest."""
        return await self.client.exists(self.repository, digest, self._access)

    async def resolve(self, tag: str) -> Digest | None:
        """What a tag points at now; None when there is no such tag."""
        try:
            return await self.client.resolve(self.repository, tag, self._access)
        except ManifestNotFound:
            return None

    async def manifest(self, digest: Digest) -> Manifest:
        """What is in a digest. Raises ManifestNotFound."""
        return await self.client.get(self.repository, str(digest), self._access)

    async def retag(self, digest: Digest, tag: str, *, move: bool) -> bool:
        """Give a digest another tag; whether anything was written."""
        return await self._tagging.retag(self.repository, digest, tag, self._access, move=move)

    async def presence(self, pin: Pin) -> Presence:
        """Whether the digest is there, and what the tag points at. Never raises RegistryError."""
        try:
            is_there = await self.exists(pin.digest.digest)
        except RegistryError as error:
            return Presence(is_there=None, tag_digest=None, trouble=_sentence(error))
        try:
            points_at = await self.resolve(pin.tag)
        except RegistryError as error:
            return Presence(is_there=is_there, tag_digest=None, trouble=_sentence(error))
        return Presence(is_there=is_there, tag_digest=points_at)


@asynccontextmanager
async def asking(given: argparse.Namespace, repository: Repository) -> AsyncIterator[Asker]:
    """One repository to ask. Raises CommandError for an address that cannot be one.

    Private addresses are allowed: the person at the keyboard chose the registry.
    """
    policy = _policy(given, repository)
    clock = SystemClock()
    transport = Transport(policy, ca_file=given.registry_ca_file)
    try:
        tokens = TokenStore(
            transport, policy, monotonic=clock.monotonic_s, now=lambda: clock.now().wall
        )
        conversation = Conversation(transport, policy, tokens)
        client = RegistryClient(
            conversation, monotonic=clock.monotonic_s, now=lambda: clock.now().wall
        )
        yield Asker(
            repository,
            Access.of(secrets.token_bytes(32), credentials_for(repository), None),
            client,
            Tagging(conversation, client, lambda: clock.now().wall),
        )
    finally:
        await transport.close()


def _policy(given: argparse.Namespace, repository: Repository) -> HostPolicy:
    try:
        host = endpoint_for(repository, frozenset()).host
        is_local = is_loopback(host) and given.registry_ca_file is None
        is_plain = is_local or repository.host in given.plain_http
        plain = frozenset({repository.host}) if is_plain else frozenset()
        registry = endpoint_for(repository, plain).authority
    except NotAllowed as error:
        raise CommandError(str(error)) from error
    token_hosts = frozenset(given.token_host)
    return HostPolicy(
        private=token_hosts | {registry},
        plain_http=plain | {registry} | token_hosts if is_plain else frozenset(),
        token_hosts=frozenset((registry, one) for one in token_hosts),
    )


async def ask(given: argparse.Namespace, pin: Pin) -> Presence:
    """What the registry says of a pair. Never raises a RegistryError."""
    try:
        async with asking(given, pin.repository) as asker:
            return await asker.presence(pin)
    except CommandError as error:
        return Presence(is_there=None, tag_digest=None, trouble=str(error))


async def answered(
    given: argparse.Namespace, repository: Repository, work: Callable[[Asker], Awaitable[Value]]
) -> Value:
    """Ask something whose answer is needed. Raises CommandErrors in the place of RegistryErrors."""
    async with asking(given, repository) as asker:
        try:
            return await work(asker)
        except ManifestNotFound as error:
            raise CommandError(f"the registry has no such image ({_sentence(error)})") from error
        except (Rejected, TagMovedMeanwhile) as error:
            raise CommandError(_sentence(error)) from error
        except RegistryError as error:
            raise CannotTell(f"the registry does not tell: {_sentence(error)}") from error


async def check_there(given: argparse.Namespace, pin: Pin, spared: str) -> Presence:
    """Raise CommandError when the registry has not got the digest, CannotTell when it is silent.

    ``spared`` names the flag that does without the registry.
    """
    presence = await ask(given, pin)
    if presence.is_there is None:
        raise CannotTell(
            f"whether {pin.repository.host} has {pin.digest} is not known: {presence.trouble}; "
            f"log in with docker login, or go on without asking: {spared}"
        )
    if not presence.is_there:
        raise CommandError(
            f"the registry has no {pin.digest} in {pin.spelling}; was it pushed there?"
        )
    return presence


def _sentence(error: RegistryError) -> str:
    if isinstance(error, TokenHostNotListed):
        return f"{error}; if that is right: --token-host {error.token_host}"
    return f"{error} ({error.hint})" if error.hint else str(error)
