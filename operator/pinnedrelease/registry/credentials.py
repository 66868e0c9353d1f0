"""Pull secrets: what is in them, and which entry belongs to which image. Pure.

The rules are the kubelet's, so that what works for us works on nodes; where ours are stricter it
says so. One bad entry is skipped, not the others with it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from pinnedrelease.core.reference import DEFAULT_DOMAIN, Repository
from pinnedrelease.registry.endpoint import HUB_NAMES, split_port

SECRET_LIMIT_BYTES = 1024 * 1024
ENTRIES_LIMIT = 1000
TOKEN = re.compile(r"[\x21-\x7e]+")
"""What a header can carry. A line break in one would end in an error that shows the token."""

Tell = Callable[[str], None]
"""Hears why an entry is left out, in words without secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What proves who we are. Never printed: ``repr`` shows none of it."""

    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    identity_token: str | None = field(default=None, repr=False)
    registry_token: str | None = field(default=None, repr=False)

    @property
    def basic(self) -> str | None:
        """The value of a Basic Authorization header, or None without user and password."""
        if self.username is None or self.password is None:
            return None
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One key of a pull secret with its credential."""

    key: str
    credential: Credential


def _silent(_: str) -> None:
    """Nobody wants to know."""


def parse_docker_config(raw: bytes, left_out: Tell = _silent) -> tuple[Entry, ...]:
    """Entries of ``.dockerconfigjson``. Raises ValueError when it is no such document."""
    document = _object(raw)
    auths = document.get("auths", {})
    if not isinstance(auths, Mapping):
        raise ValueError("auths is not an object")  # noqa: TRY004 - one kind of error
    return tuple(_entries(auths, left_out))


def parse_docker_cfg(raw: bytes, left_out: Tell = _silent) -> tuple[Entry, ...]:
    """Entries of a legacy ``.dockercfg``. Raises ValueError when it is no such document."""
    return tuple(_entries(_object(raw), left_out))


def parse_entry(entry: Mapping[str, object]) -> Credential:
    """One entry's fields, names in any case.

    Raises ValueError for a malformed ``auth``, and for what no request can carry.
    """
    fields = {name.lower(): text for name, text in entry.items() if isinstance(text, str)}
    try:
        for text in fields.values():
            text.encode()
    except UnicodeEncodeError:
        raise ValueError("a field is not text") from None
    registry_token = (fields.get("registrytoken") or "").strip()
    if registry_token and not TOKEN.fullmatch(registry_token):
        raise ValueError("registrytoken is no token")
    username, password = fields.get("username"), fields.get("password")
    if fields.get("auth"):
        username, password = _decoded_auth(fields["auth"])
    identity_token = fields.get("identitytoken") or None
    if identity_token is not None and not password:
        username = password = None
    return Credential(
        username=username or ("" if password else None),
        password=password or None,
        identity_token=identity_token,
        registry_token=registry_token or None,
    )


def candidates(entries: tuple[Entry, ...], repository: Repository) -> tuple[Credential, ...]:
    """The credentials to try for a repository, in the kubelet's order: reverse text order of keys.

    Without a match, Docker Hub images use the entries of ``index.docker.io``.
    """
    matching = [entry for entry in entries if key_matches(entry.key, repository)]
    ordered = sorted(matching, key=lambda entry: entry.key, reverse=True)
    found: list[Credential] = []
    for entry in ordered:
        if entry.credential not in found:
            found.append(entry.credential)
    return tuple(found)


def key_matches(key: str, repository: Repository) -> bool:
    """Whether a key covers a repository.

    Host labels match one by one with shell globs, ports as text. Stricter than the kubelet: a
    path in the key ends at a slash of the image's path, so ``/a`` does not cover ``/ab``.
    """
    domain, path = _split_key(key)
    host, port = split_port(domain.lower())
    image_host, image_port = split_port(repository.host)
    if host in HUB_NAMES and image_host == DEFAULT_DOMAIN:
        host = DEFAULT_DOMAIN
    labels, image_labels = host.split("."), image_host.split(".")
    return (
        port == image_port
        and len(labels) == len(image_labels)
        and all(map(fnmatchcase, image_labels, labels))
        and (not path or repository.path == path or repository.path.startswith(f"{path}/"))
    )


def _split_key(key: str) -> tuple[str, str]:
    """Host with port, and path, of a key; split by hand because keys need not be URLs."""
    text = key.removeprefix("https://").removeprefix("http://")
    domain, _, path = text.partition("/")
    for version in ("v1/", "v2/"):
        if path.startswith(version):
            path = path.removeprefix(version)
            break
    return domain, path.strip("/")


def _entries(auths: Mapping[str, object], left_out: Tell) -> Iterator[Entry]:
    for key, entry in list(auths.items())[:ENTRIES_LIMIT]:
        if not isinstance(entry, Mapping):
            continue
        try:
            yield Entry(key=key, credential=parse_entry(entry))
        except ValueError as error:
            left_out(str(error))


def _object(raw: bytes) -> Mapping[str, object]:
    if len(raw) > SECRET_LIMIT_BYTES:
        raise ValueError("larger than 1 MiB")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ValueError("not JSON") from error
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one kind of error
    return document


def _decoded_auth(auth: str) -> tuple[str, str]:
    """User and password of an ``auth`` field: padding may be missing, old Docker wrote NULs."""
    text = auth.strip().replace("-", "+").replace("_", "/").rstrip("=")
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("auth is not base64 of user:password") from error
    user, colon, password = decoded.rstrip("\0").partition(":")
    if not colon:
        raise ValueError("auth has no colon")
    return user, password
