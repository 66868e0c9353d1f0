"""Plain kubeconfigs, read without the ``kubernetes`` package, whose import takes a quarter second.

Only what needs no judgement: one file, a token or a client certificate. Everything else (exec
plugins, several files, proxies, anything unknown) is left to the package.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

SIZE_LIMIT = 1024 * 1024
_CLUSTER = frozenset(
    {"server", "certificate-authority", "certificate-authority-data", "extensions"}
)
_USER = frozenset(
    {
        "client-certificate",
        "client-certificate-data",
        "client-key",
        "client-key-data",
        "token",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainKubeconfig:
    """One context of a kubeconfig, as bytes and texts."""

    server: str
    namespace: str | None
    authority: bytes | None
    certificate: bytes | None = None
    key: bytes | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


def read_plain(path: Path, context: str | None) -> PlainKubeconfig | None:
    """A context of a file; None when it is not plain, or when anything in it is unusual."""
    try:
        raw = path.read_bytes()
        document = yaml.load(raw[: SIZE_LIMIT + 1], Loader=_LOADER)  # noqa: S506 - a safe loader
    except (OSError, yaml.YAMLError, RecursionError):
        return None
    if len(raw) > SIZE_LIMIT or not isinstance(document, dict):
        return None
    try:
        return _context(document, context or _text(document, "current-context"), path.parent)
    except (_NotPlain, OSError, binascii.Error, UnicodeError):
        return None


class _NotPlain(Exception):
    """Something that only the package can judge."""


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _context(document: Mapping[str, object], name: str, folder: Path) -> PlainKubeconfig:
    context = _named(document, "contexts", "context", name)
    cluster = _named(document, "clusters", "cluster", _text(context, "cluster"))
    user = _named(document, "users", "user", _text(context, "user"))
    if not cluster.keys() <= _CLUSTER or not user.keys() <= _USER:
        raise _NotPlain
    namespace = context.get("namespace")
    token = user.get("token")
    found = PlainKubeconfig(
        server=_text(cluster, "server"),
        namespace=namespace if isinstance(namespace, str) and namespace else None,
        authority=_content(cluster, "certificate-authority", folder),
        certificate=_content(user, "client-certificate", folder),
        key=_content(user, "client-key", folder),
        token=token if isinstance(token, str) and token else None,
    )
    if not found.server.startswith("https://") or (found.certificate is None) != (
        found.key is None
    ):
        raise _NotPlain
    return found


def _named(
    document: Mapping[str, object], kind: str, inner: str, name: str
) -> Mapping[str, object]:
    entries = document.get(kind)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name:
            found = entry.get(inner)
            if isinstance(found, dict):
                return found
    raise _NotPlain


def _text(document: Mapping[str, object], key: str) -> str:
    found = document.get(key)
    if not isinstance(found, str) or not found:
        raise _NotPlain
    return found


def _content(document: Mapping[str, object], key: str, folder: Path) -> bytes | None:
    """What is inline, else what is in the named file, which may be relative to the kubeconfig."""
    inline, path = document.get(f"{key}-data"), document.get(key)
    if inline is not None:
        if not isinstance(inline, str):
            raise _NotPlain
        return base64.b64decode(inline, validate=True)
    if path is None:
        return None
    if not isinstance(path, str):
        raise _NotPlain
    return (folder / path).read_bytes()
