"""Registry questions of a command: with the credentials of the person who runs it."""

from __future__ import annotations

import argparse
import ipaddress
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pinnedrelease.core.digest import Digest
from pinnedrelease.core.pin import Pin
from pinnedrelease.core.reference import Repository
from pinnedrelease.reconcile.clock import SystemClock
from pinnedrelease.registry.access import Access
from pinnedrelease.registry.client import RegistryClient
from pinnedrelease.registry.conversation import Conversation
from pinnedrelease.registry.credentials import Credential, Entry, candidates, parse_docker_config
from pinnedrelease.registry.endpoint import Endpoint, endpoint_for
from pinnedrelease.registry.errors import ManifestNotFound, NotAllowed, RegistryError
from pinnedrelease.registry.host_policy import HostPolicy
from pinnedrelease.registry.token import TokenStore
from pinnedrelease.registry.transport import Transport


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
    parser.add_argument(
        "--plain-http",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="registry to ask without TLS, repeatable; loopback addresses are anyway",
    )
    parser.add_argument("--registry-ca-file", type=Path, help="certificates to trust")


async def ask(given: argparse.Namespace, pin: Pin) -> Presence:
    """Whether the digest is there, and what the tag points at. Never raises a RegistryError."""
    try:
        endpoint = endpoint_for(pin.repository, frozenset())
    except NotAllowed as error:
        return Presence(is_there=None, tag_digest=None, trouble=str(error))
    async with _client(given, endpoint) as client:
        access = Access.of(secrets.token_bytes(32), _credentials(pin.repository), None)
        try:
            is_there = await client.exists(pin.repository, pin.digest.digest, access)
        except RegistryError as error:
            return Presence(is_there=None, tag_digest=None, trouble=str(error))
        try:
            points_at = await client.resolve(pin.repository, pin.tag, access)
        except RegistryError as error:
            trouble = "" if isinstance(error, ManifestNotFound) else str(error)
            return Presence(is_there=is_there, tag_digest=None, trouble=trouble)
        return Presence(is_there=is_there, tag_digest=points_at)


@asynccontextmanager
async def _client(given: argparse.Namespace, endpoint: Endpoint) -> AsyncIterator[RegistryClient]:
    """A client that may go to private addresses: the person at the keyboard chose the registry."""
    is_plain = _is_loopback(endpoint.host) or endpoint.authority in given.plain_http
    policy = HostPolicy(
        private=frozenset({endpoint.authority}),
        plain_http=frozenset({endpoint.authority}) if is_plain else frozenset(),
    )
    clock = SystemClock()
    transport = Transport(policy, ca_file=given.registry_ca_file)
    try:
        tokens = TokenStore(
            transport, policy, monotonic=clock.monotonic_s, now=lambda: clock.now().wall
        )
        yield RegistryClient(
            Conversation(transport, policy, tokens),
            monotonic=clock.monotonic_s,
            now=lambda: clock.now().wall,
        )
    finally:
        await transport.close()


def _is_loopback(host: str) -> bool:
    """Whether a registry is on this machine: such a one is asked without TLS, as Docker does."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _credentials(repository: Repository) -> tuple[Credential, ...]:
    """What ``docker login`` or ``podman login`` has stored in files for this repository."""
    entries: list[Entry] = []
    for path in _login_files():
        try:
            entries += parse_docker_config(path.read_bytes())
        except (OSError, ValueError):
            continue
    return candidates(tuple(entries), repository)


def _login_files() -> tuple[Path, ...]:
    docker = Path(os.environ.get("DOCKER_CONFIG", "") or Path.home() / ".docker")
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    podman = (Path(runtime) / "containers" / "auth.json",) if runtime else ()
    return (docker / "config.json", *podman)
