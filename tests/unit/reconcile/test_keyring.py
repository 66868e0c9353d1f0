"""What is made of Secrets that are missing, forbidden, misnamed or half usable."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from pinnedrelease.cluster import paths
from pinnedrelease.cluster.errors import NotFound
from pinnedrelease.cluster.secrets import Secret
from pinnedrelease.core.observed import Instant
from pinnedrelease.reconcile.keyring import Keyring, KeyringName, Keyrings
from worlds import at

GOOD = {"username": "ana", "password": "secret"}


class StillClock:
    """No time passes."""

    def now(self) -> Instant:
        return at(0.0)

    def monotonic_s(self) -> float:
        return 0.0

    def unit_random(self) -> float:
        return 0.5


class SomeSecrets:
    """A namespace with these docker configurations."""

    def __init__(self, **auths: Mapping[str, object]) -> None:
        self._auths = auths

    async def secret(self, namespace: str, name: str) -> Secret:
        paths.item(paths.SECRETS, namespace, name)
        if name not in self._auths:
            raise NotFound(name)
        raw = json.dumps({"auths": self._auths[name]}).encode()
        return Secret(
            name=name, kind="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": raw}
        )

    async def pull_secrets_of(self, namespace: str, service_account: str) -> tuple[str, ...]:
        paths.item(paths.SERVICE_ACCOUNTS, namespace, service_account)
        return ()


async def keyring(reads: SomeSecrets, *names: str, account: str = "default") -> Keyring:
    """The keyring that these pull secrets make."""
    rings = Keyrings(reads, StillClock(), lambda _: None)
    return await rings._load(
        KeyringName(namespace="shop", pull_secrets=names, service_account=account)
    )


async def test_a_pull_secret_with_an_impossible_name_is_a_note_and_the_others_are_used() -> None:
    """It ended each reading of the keyring: no registry check of that release, and no word why."""
    found = await keyring(SomeSecrets(good={"r.example.com": GOOD}), "My_Secret", "good")

    assert [one.key for one in found.pulling] == ["r.example.com"]
    assert found.notes == ("'My_Secret' is no name of a Secret",)


async def test_a_service_account_with_an_impossible_name_is_a_note() -> None:
    found = await keyring(SomeSecrets(), account="My_Account")

    assert found.notes == ("'My_Account' is no name of a service account",)


@pytest.mark.parametrize(
    "bad", [{"registrytoken": "glpat\r\nX: y"}, {"registrytoken": "to ken"}, {"auth": "!"}]
)
async def test_an_entry_that_is_left_out_is_a_note_without_its_content(
    bad: Mapping[str, object],
) -> None:
    auths = {"r.example.com": bad, "s.example.com": bad, "t.example.com": GOOD}
    found = await keyring(SomeSecrets(mixed=auths), "mixed")

    assert [one.key for one in found.pulling] == ["t.example.com"]
    (note,) = found.notes
    assert note.startswith("an entry of Secret mixed is left out: ")
    assert not any(str(text) in note for text in bad.values() if text != "!")


async def test_a_line_break_behind_a_token_is_none_of_it() -> None:
    """``echo TOKEN | base64`` makes one."""
    auths = {"r.example.com": {"registrytoken": "glpat-0123\n"}}
    found = await keyring(SomeSecrets(one=auths), "one")

    (entry,) = found.pulling
    assert entry.credential.registry_token == "glpat-0123"
