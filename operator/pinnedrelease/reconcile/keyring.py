"""What the Secrets of a namespace allow, read as the kubelet reads them and kept up to date."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from pinnedrelease.cluster.errors import ClusterError, Forbidden, Invalid, NotFound
from pinnedrelease.cluster.secrets import Secret
from pinnedrelease.core.reference import Repository
from pinnedrelease.core.registry import Fact, TroubleKind
from pinnedrelease.reconcile.clock import Clock
from pinnedrelease.reconcile.gather import Key
from pinnedrelease.registry.access import Access
from pinnedrelease.registry.credentials import (
    Credential,
    Entry,
    candidates,
    parse_docker_cfg,
    parse_docker_config,
)
from pinnedrelease.registry.inquiry import HINT_LIMIT
from pinnedrelease.registry.line import Line

log = logging.getLogger(__name__)

AT_ONCE = 8
RETRY_S = 5.0
LONGEST_AGE_S = 60.0
SHORTEST_AGE_S = 2.0
FORBIDDEN_NOTE = "the operator may not read {} (RBAC, see docs/registries.md)"


class SecretReads(Protocol):
    """Raises ClusterErrors."""

    async def secret(self, namespace: str, name: str) -> Secret:
        """One Secret."""

    async def pull_secrets_of(self, namespace: str, service_account: str) -> tuple[str, ...]:
        """The pull secrets of a service account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyringName:
    """Names everything that a keyring is made from. All in one namespace, always."""

    namespace: str
    pull_secrets: tuple[str, ...]
    service_account: str
    """Asked for its pull secrets only when the pod template names none (admission does so too)."""
    registry_secret: str | None = None
    certificates: str | None = None


@dataclass(frozen=True, slots=True)
class Keyring:
    """The content of some Secrets. Never printed, stored or compared by anything but equality."""

    own: tuple[Entry, ...] = field(default=(), repr=False)
    """Of ``spec.registry.secretRef``: tried first."""
    pulling: tuple[Entry, ...] = field(default=(), repr=False)
    certificates: str | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()

    def access_to(self, repository: Repository, key: bytes) -> Access:
        """Credentials bound to the hosts and paths that the Secrets themselves list."""
        return Access.of(key, self._fitting(repository), self.certificates)

    def about(self, repository: Repository, fact: Fact) -> Fact:
        """A fact with the notes about these Secrets, where they may be why it is no answer.

        Added here, for one PinnedRelease: the answer itself is shared by all who ask the same.
        """
        trouble = fact.trouble
        if trouble is None or trouble.kind is not TroubleKind.UNAUTHORIZED:
            return fact
        unfit = () if self._fitting(repository) else ("no pull secret fits this repository",)
        hints = [trouble.hint] if trouble.hint else []
        hint = "; ".join((*hints, *self.notes, *unfit))[:HINT_LIMIT]
        return replace(fact, trouble=replace(trouble, hint=hint))

    def _fitting(self, repository: Repository) -> tuple[Credential, ...]:
        found = (*candidates(self.own, repository), *candidates(self.pulling, repository))
        return tuple(dict.fromkeys(found))


@dataclass(slots=True)
class _Place:
    wanted_since_s: float
    keyring: Keyring | None = None
    users: dict[Key, float] = field(default_factory=dict)
    """Who uses it, and every how many seconds they ask registries."""


class Keyrings:
    """Reads keyrings by name, again and again, and wakes their users when one has changed.

    No watch and no list: the operator needs ``get`` on Secrets alone, and can do without.
    """

    def __init__(
        self,
        reads: SecretReads,
        clock: Clock,
        on_change: Callable[[frozenset[Key]], None],
    ) -> None:
        self._reads = reads
        self._clock = clock
        self._on_change = on_change
        self._places: dict[KeyringName, _Place] = {}
        self._name_of: dict[Key, KeyringName] = {}
        self._line: Line[KeyringName] = Line()
        self._wake = asyncio.Event()

    def use(self, key: Key, name: KeyringName, interval_s: float) -> Keyring | None:
        """The keyring for a PinnedRelease; None while it has not been read."""
        if self._name_of.get(key) != name:
            self.leave(key)
            self._name_of[key] = name
        place = self._places.get(name)
        if place is None:
            now_s = self._clock.monotonic_s()
            place = self._places[name] = _Place(wanted_since_s=now_s)
            self._line.put(name, now_s)
            self._wake.set()
        place.users[key] = interval_s
        return place.keyring

    def wanted_since_s(self, name: KeyringName) -> float:
        """Since when somebody wants this keyring."""
        return self._places[name].wanted_since_s

    def leave(self, key: Key) -> None:
        """The PinnedRelease needs no keyring any more."""
        name = self._name_of.pop(key, None)
        if name is None:
            return
        place = self._places[name]
        place.users.pop(key, None)
        if not place.users:
            del self._places[name]
            self._line.remove(name)

    def read_again(self, key: Key) -> None:
        """Read the Secrets of this PinnedRelease now."""
        name = self._name_of.get(key)
        if name is not None:
            self._line.put(name, self._clock.monotonic_s(), urgent=True)
            self._wake.set()

    async def run(self) -> None:
        """Read what is due, for ever."""
        limit = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                while (name := self._line.take(self._clock.monotonic_s())) is not None:
                    await limit.acquire()
                    task = group.create_task(self._read(name), name="read keyring")
                    task.add_done_callback(lambda _: limit.release())
                next_at_s = self._line.next_at_s()
                pause_s = None if next_at_s is None else next_at_s - self._clock.monotonic_s()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._wake.wait()

    async def _read(self, name: KeyringName) -> None:
        try:
            keyring = await self._load(name)
        except ClusterError as error:
            log.warning(
                "pull secrets not read", extra={"namespace": name.namespace, "error": str(error)}
            )
            keyring = None
        place = self._places.get(name)
        if place is None:
            return
        if keyring is None:
            self._line.put(name, self._clock.monotonic_s() + RETRY_S)
        else:
            age_s = max(SHORTEST_AGE_S, min(LONGEST_AGE_S, *place.users.values()))
            self._line.put(name, self._clock.monotonic_s() + age_s)
            if keyring != place.keyring:
                place.keyring = keyring
                self._on_change(frozenset(place.users))
        self._wake.set()

    async def _load(self, name: KeyringName) -> Keyring:
        """Read all parts. A part that is not there is a note; one that may be there is an error."""
        notes: list[str] = []
        own: tuple[Entry, ...] = ()
        if name.registry_secret is not None:
            own = await self._entries(name.namespace, name.registry_secret, notes)
        pulling: list[Entry] = []
        for secret in name.pull_secrets or await self._account_secrets(name, notes):
            pulling += await self._entries(name.namespace, secret, notes)
        certificates = await self._certificates(name, notes)
        return Keyring(own, tuple(pulling), certificates, tuple(notes))

    async def _account_secrets(self, name: KeyringName, notes: list[str]) -> tuple[str, ...]:
        account = name.service_account
        try:
            return await self._reads.pull_secrets_of(name.namespace, account)
        except Forbidden:
            notes.append(FORBIDDEN_NOTE.format("service accounts"))
        except NotFound:
            notes.append(f"there is no service account {account}")
        except Invalid:
            notes.append(f"{account[:64]!r} is no name of a service account")
        return ()

    async def _entries(self, namespace: str, name: str, notes: list[str]) -> tuple[Entry, ...]:
        secret = await self._secret(namespace, name, notes)
        if secret is None:
            return ()

        def left_out(why: str) -> None:
            note = f"an entry of Secret {name} is left out: {why}"
            if note not in notes:
                notes.append(note)

        try:
            if secret.kind == "kubernetes.io/dockerconfigjson":
                return parse_docker_config(secret.data.get(".dockerconfigjson", b""), left_out)
            if secret.kind == "kubernetes.io/dockercfg":
                return parse_docker_cfg(secret.data.get(".dockercfg", b""), left_out)
        except ValueError as error:
            notes.append(f"Secret {name} cannot be used: {error}")
            return ()
        notes.append(f"Secret {name} is not of type kubernetes.io/dockerconfigjson")
        return ()

    async def _certificates(self, name: KeyringName, notes: list[str]) -> str | None:
        if name.certificates is None:
            return None
        secret = await self._secret(name.namespace, name.certificates, notes)
        if secret is None:
            return None
        try:
            text = secret.data.get("ca.crt", b"").decode("ascii")
        except UnicodeDecodeError:
            text = ""
        if "-----BEGIN CERTIFICATE-----" not in text:
            notes.append(f"Secret {name.certificates} has no certificate under ca.crt")
            return None
        return text

    async def _secret(self, namespace: str, name: str, notes: list[str]) -> Secret | None:
        try:
            return await self._reads.secret(namespace, name)
        except Forbidden:
            notes.append(FORBIDDEN_NOTE.format("Secrets"))
        except NotFound:
            notes.append(f"there is no Secret {name}")
        except Invalid:
            # The API server does not check the names in imagePullSecrets; the kubelet goes on, too.
            notes.append(f"{name[:64]!r} is no name of a Secret")
        return None
