"""The registry logins of the person who runs a command: files and credential helpers.

The same places as docker and podman look at. A helper is asked for one host only when something
is asked of that host.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from pinnedrelease.cli.output import note
from pinnedrelease.core.reference import DEFAULT_DOMAIN, Repository
from pinnedrelease.registry.credentials import Credential, Entry, candidates, parse_docker_config

HELPER_S = 20.0
HUB_KEY = "https://index.docker.io/v1/"
_HELPER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_TOKEN_USER = "<token>"  # noqa: S105 - what helpers put in the place of a user's name


def credentials_for(repository: Repository) -> tuple[Credential, ...]:
    """What may be tried for a repository, the most exact first; none is no error."""
    entries: list[Entry] = []
    found: list[Credential] = []
    for path in _login_files():
        try:
            raw = path.read_bytes()
        except OSError:
            continue
        try:
            entries += parse_docker_config(raw)
            document = json.loads(raw)
        except ValueError as error:
            note(f"{path} cannot be used: {error}")
            continue
        helped = _from_helper(document, repository)
        if helped is not None:
            found.append(helped)
    return tuple(dict.fromkeys((*found, *candidates(tuple(entries), repository))))


def _login_files() -> tuple[Path, ...]:
    docker = _docker_folder()
    named = os.environ.get("REGISTRY_AUTH_FILE", "")
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    podman = [Path(named)] if named else []
    podman += [Path(runtime) / "containers" / "auth.json"] if runtime else []
    return (*([docker / "config.json"] if docker is not None else []), *podman)


def _docker_folder() -> Path | None:
    named = os.environ.get("DOCKER_CONFIG", "")
    try:
        return Path(named) if named else Path.home() / ".docker"
    except RuntimeError:
        # Whoever has no home, as in a container with a number for a user, has no login there.
        return None


def _from_helper(document: Mapping[str, object], repository: Repository) -> Credential | None:
    """What ``docker-credential-NAME get`` says; None without a helper or without a login."""
    key = HUB_KEY if repository.host == DEFAULT_DOMAIN else repository.host
    helpers = document.get("credHelpers")
    name = helpers.get(key, helpers.get(repository.host)) if isinstance(helpers, dict) else None
    name = name or document.get("credsStore")
    if not isinstance(name, str) or not _HELPER_NAME.fullmatch(name):
        return None
    try:
        done = subprocess.run(  # noqa: S603 - the helper that the user has configured
            [f"docker-credential-{name}", "get"],
            input=key,
            capture_output=True,
            text=True,
            check=False,
            timeout=HELPER_S,
        )
        answer = json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        note(f"docker-credential-{name} cannot be used: {type(error).__name__}")
        return None
    if not isinstance(answer, dict):
        return None
    user, secret = answer.get("Username"), answer.get("Secret")
    if not isinstance(user, str) or not isinstance(secret, str) or not secret:
        return None
    if user == _TOKEN_USER:
        return Credential(identity_token=secret)
    return Credential(username=user, password=secret)
