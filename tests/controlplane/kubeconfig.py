"""Writes kubeconfig files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from controlplane.certificates import KeyPair


def write_kubeconfig(
    path: Path, *, cluster: Mapping[str, object], user: KeyPair | str, namespace: str = "default"
) -> Path:
    """A kubeconfig with a client certificate or a bearer token. JSON is valid YAML."""
    if isinstance(user, KeyPair):
        credentials = {
            "client-certificate": str(user.certificate),
            "client-key": str(user.key),
        }
    else:
        credentials = {"token": user}
    name = "pinnedrelease-test"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": credentials}],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}
        ],
        "current-context": name,
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(document, indent=1))
    return path


def cluster_entry(server: str, authority: Path) -> dict[str, object]:
    """The cluster part of a kubeconfig."""
    return {"server": server, "certificate-authority": str(authority)}
