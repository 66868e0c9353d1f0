"""Which credential is asked with, and what its refusal makes of the answers to others."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from pinnedrelease.core.digest import Digest
from pinnedrelease.registry.credentials import Credential
from pinnedrelease.registry.errors import ManifestNotFound, RepositoryNotFound, Unauthorized
from pinnedrelease.registry.refusals import REFUSED_RETRY_S
from registry_parts import access, parts, password, repository
from scripted_registry import Reply, ScriptedRegistry, Seen, failed, found, manifest, sha256

RAW = manifest()
DIGEST = Digest.parse(sha256(RAW))
BASIC = 'Basic realm="r"'
GOOD, OTHER, EXPIRED = password("good"), password("other"), password("expired")
MISSING = failed(404, "MANIFEST_UNKNOWN")


def asked_as(seen: Seen) -> str | None:
    """The authorization of a request."""
    return seen.headers.get("authorization")


@pytest.mark.parametrize("refusal", [401, 403])
async def test_a_registry_that_hides_from_strangers_is_no_missing_digest(refusal: int) -> None:
    """A password that had ended, and the 404 to nobody that came after it, made "missing"."""

    def script(seen: Seen) -> Reply:
        if asked_as(seen) == GOOD.basic:
            return found(RAW)
        if asked_as(seen) is not None:
            return failed(refusal, "DENIED", WWW_Authenticate=BASIC)
        is_first = len(server.seen) == 1
        return failed(401, "UNAUTHORIZED", WWW_Authenticate=BASIC) if is_first else MISSING

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        place = repository(server.address)
        assert await room.client.exists(place, DIGEST, access(GOOD))
        for _ in range(2):
            with pytest.raises(Unauthorized):
                await room.client.exists(place, DIGEST, access(EXPIRED))


async def test_who_needs_no_credentials_is_told_what_is_missing() -> None:
    async with ScriptedRegistry(lambda _: MISSING) as server, parts(server.address) as room:
        assert not await room.client.exists(repository(server.address), DIGEST, access())


async def test_what_a_good_credential_is_told_is_missing_whoever_was_refused_before() -> None:
    def script(seen: Seen) -> Reply:
        if asked_as(seen) == GOOD.basic:
            return MISSING
        return failed(401, "UNAUTHORIZED", WWW_Authenticate=BASIC)

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        place = repository(server.address)
        assert not await room.client.exists(place, DIGEST, access(EXPIRED, GOOD))


@pytest.mark.parametrize("words", [("NAME_UNKNOWN", ""), ("NOT_FOUND", "project team not found")])
async def test_a_credential_that_sees_no_such_repository_is_followed_by_the_next(
    words: tuple[str, str],
) -> None:
    def script(seen: Seen) -> Reply:
        if asked_as(seen) is None:
            return failed(401, "UNAUTHORIZED", WWW_Authenticate=BASIC)
        code, message = words
        return found(RAW) if asked_as(seen) == GOOD.basic else failed(404, code, message=message)

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        place = repository(server.address)
        assert await room.client.resolve(place, "1.0", access(OTHER, GOOD)) == DIGEST


@pytest.mark.parametrize("old_status", [400, 403])
@pytest.mark.parametrize("second_token", ["good", "refused"])
async def test_a_token_that_has_ended_is_renewed_before_a_404_to_nobody_is_believed(
    old_status: int, second_token: str
) -> None:
    tokens = iter(("first", second_token, "refused"))
    good = {"Bearer first", "Bearer good"}

    def script(seen: Seen) -> Reply:
        if seen.path.startswith("/token"):
            return Reply(body=json.dumps({"token": next(tokens)}).encode())
        if asked_as(seen) is None and len(server.seen) > 1:
            return MISSING
        if asked_as(seen) is None:
            realm = f'Bearer realm="http://{server.address}/token",service="s"'
            return failed(401, "UNAUTHORIZED", WWW_Authenticate=realm)
        if asked_as(seen) in good:
            return found(RAW)
        return failed(old_status if asked_as(seen) == "Bearer first" else 403, "DENIED")

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        place = repository(server.address)
        assert await room.client.exists(place, DIGEST, access(GOOD))
        good.remove("Bearer first")
        if second_token == "good":
            assert await room.client.exists(place, DIGEST, access(GOOD))
            return
        with pytest.raises(Unauthorized):
            await room.client.exists(place, DIGEST, access(GOOD))


async def test_a_missing_tag_does_not_make_its_asker_the_one_to_ask_first() -> None:
    """Who is told 404 has proved nothing; who is told 200 has."""

    def script(seen: Seen) -> Reply:
        if asked_as(seen) is None:
            return failed(401, "UNAUTHORIZED", WWW_Authenticate=BASIC)
        return MISSING if asked_as(seen) == OTHER.basic else found(RAW)

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        with pytest.raises(ManifestNotFound):
            await room.client.get(repository(server.address), "1.0", access(OTHER, GOOD))
        assert not room.conversation._accepted


def with_token_server(status: int) -> Callable[[Seen], Reply]:
    """A registry whose token server takes no password but the good one."""

    def script(seen: Seen) -> Reply:
        if not seen.path.startswith("/token"):
            realm = f'Bearer realm="http://{seen.headers["host"]}/token",service="s"'
            is_good = asked_as(seen) == "Bearer good"
            return found(RAW) if is_good else failed(401, "DENIED", WWW_Authenticate=realm)
        if asked_as(seen) == GOOD.basic:
            return Reply(body=json.dumps({"token": "good"}).encode())
        return Reply(status=status)

    return script


def logins(server: ScriptedRegistry, credential: Credential) -> int:
    """How often a password was sent."""
    return sum(asked_as(seen) == credential.basic for seen in server.seen)


class Time:
    """Passes when the test says so."""

    now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.mark.parametrize(("status", "expected"), [(401, 1), (403, 2)])
async def test_a_refused_password_is_not_sent_again_by_each_question(
    status: int, expected: int
) -> None:
    """Twelve digests of a history were twelve logins, and the account was locked.

    A token server's 403 is about what was asked for, its 401 about the password.
    """
    time = Time()
    async with (
        ScriptedRegistry(with_token_server(status)) as server,
        parts(server.address, monotonic=time.monotonic) as room,
    ):
        for place in (repository(server.address), repository(server.address, "team/other")):
            for number in range(12):
                digest = Digest.parse(f"sha256:{number:064x}")
                with pytest.raises(Unauthorized):
                    await room.client.exists(place, digest, access(EXPIRED))
        assert logins(server, EXPIRED) == expected

        assert await room.client.exists(place, DIGEST, access(GOOD)), "another Secret, at once"
        time.now_s += REFUSED_RETRY_S - 60.0
        with pytest.raises(Unauthorized):
            await room.client.exists(place, DIGEST, access(EXPIRED))
        assert logins(server, EXPIRED) == expected + 1


async def test_a_password_that_the_registry_itself_refuses_is_sent_once_for_a_repository() -> None:
    def script(seen: Seen) -> Reply:
        if asked_as(seen) == GOOD.basic:
            return found(RAW)
        return failed(401, "UNAUTHORIZED", WWW_Authenticate=BASIC)

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        place = repository(server.address)
        for number in range(12):
            digest = Digest.parse(f"sha256:{number:064x}")
            with pytest.raises(Unauthorized):
                await room.client.exists(place, digest, access(EXPIRED))
        assert logins(server, EXPIRED) == 1
        assert await room.client.exists(place, DIGEST, access(EXPIRED, GOOD))
        assert logins(server, EXPIRED) == 1


async def test_a_403_about_one_digest_says_nothing_about_the_password() -> None:
    """Artifactory and Nexus answer so for what is missing."""

    def script(seen: Seen) -> Reply:
        if asked_as(seen) is None:
            return failed(401, "UNAUTHORIZED", WWW_Authenticate=BASIC)
        return found(RAW) if seen.path.endswith(str(DIGEST)) else failed(403, "DENIED")

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        place = repository(server.address)
        with pytest.raises(Unauthorized):
            await room.client.resolve(place, "gone", access(GOOD))
        assert await room.client.exists(place, DIGEST, access(GOOD))


async def test_a_404_to_nobody_is_no_answer_to_a_password_that_gets_no_token() -> None:
    def script(seen: Seen) -> Reply:
        if is_hiding and not seen.path.startswith("/token"):
            return MISSING
        return with_token_server(401)(seen)

    is_hiding = False
    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        with pytest.raises(Unauthorized):
            await room.client.exists(repository(server.address), DIGEST, access(EXPIRED))
        is_hiding = True
        with pytest.raises(Unauthorized):
            await room.client.exists(repository(server.address), DIGEST, access(EXPIRED))


@pytest.mark.parametrize("others", [(GOOD,), (GOOD, EXPIRED), (EXPIRED, GOOD)])
async def test_a_refused_stranger_does_not_hide_that_there_is_no_such_repository(
    others: tuple[Credential, ...],
) -> None:
    """The hint was lost: a good password was said to be refused."""

    def script(seen: Seen) -> Reply:
        if asked_as(seen) == GOOD.basic:
            return failed(404, "NAME_UNKNOWN")
        return failed(401, "UNAUTHORIZED", WWW_Authenticate=BASIC)

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        place = repository(server.address)
        with pytest.raises(RepositoryNotFound):
            await room.client.resolve(place, "1.0", access(*others))
