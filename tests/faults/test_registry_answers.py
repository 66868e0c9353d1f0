"""The R cases of the reliability study: what a registry may do to us, and what comes of it."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import resource
import time
from dataclasses import replace
from pathlib import Path

import pytest

import scripted_registry as scripted
from controlplane.certificates import Authority
from pinnedrelease.core.digest import Digest
from pinnedrelease.core.registry import Presence
from pinnedrelease.registry import transport
from pinnedrelease.registry.answers import retry_after_s
from pinnedrelease.registry.client import RegistryClient
from pinnedrelease.registry.errors import (
    BadAnswer,
    DigestMismatch,
    ManifestNotFound,
    NotAllowed,
    RateLimited,
    RegistryError,
    RepositoryNotFound,
    TokenHostNotListed,
    Unauthorized,
    Unreachable,
)
from pinnedrelease.registry.host_policy import HostPolicy
from pinnedrelease.registry.inquiry import Question, Subject
from pinnedrelease.registry.pace import Pace
from registry_parts import NOW, FixedResolver, access, parts, password, repository
from scripted_registry import Reply, ScriptedRegistry, Seen, failed, found, manifest, sha256

RAW = manifest()
DIGEST = Digest.parse(sha256(RAW))
CANARY = "canary-password"


async def resolve(script: scripted.Script, word: str | None = None) -> Digest:
    """Ask a scripted registry for a tag."""
    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        credentials = (password(word),) if word else ()
        return await room.client.resolve(repository(server.address), "1.0", access(*credentials))


async def error_of(script: scripted.Script, word: str | None = None) -> RegistryError:
    """The error that asking for a tag ends in."""
    with pytest.raises(RegistryError) as caught:
        await resolve(script, word)
    return caught.value


async def test_r01_a_refused_connection_is_unreachable() -> None:
    async with ScriptedRegistry(lambda _: found(RAW)) as server:
        address = server.address
    async with parts(address) as room:
        with pytest.raises(Unreachable):
            await room.client.resolve(repository(address), "1.0", access())


async def test_r02_an_answer_that_trickles_ends_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert transport.DEADLINE_S == 20.0
    monkeypatch.setattr(transport, "DEADLINE_S", 0.5)

    async def trickle(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.1)

    began = time.monotonic()
    error = await error_of(lambda _: Reply(headers={"Content-Type": "x"}, stream=trickle))

    assert isinstance(error, Unreachable)
    assert time.monotonic() - began < 2.0


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
async def test_r03_an_error_of_the_server_never_means_missing(status: int) -> None:
    assert isinstance(await error_of(lambda _: failed(status, "MANIFEST_UNKNOWN")), Unreachable)


def test_r03_a_host_that_keeps_failing_is_left_alone_for_five_minutes() -> None:
    pace, now_s, longest_s = Pace(rate_per_s=20.0, at_once=4), 0.0, 0.0
    for _ in range(20):
        wait_s = pace.wait_s(now_s)
        assert wait_s is not None
        longest_s = max(longest_s, wait_s)
        now_s += wait_s
        pace.started(now_s)
        pace.failed(now_s, unit_random=0.5)

    assert longest_s == 300.0
    pace.started(now_s + 300.0)
    pace.answered()
    assert pace.wait_s(now_s + 300.0) == 300.0 - 300.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0", 1.0),
        ("1000000000", 900.0),
        ("Mon, 23 Nov 2026 12:01:00 GMT", 60.0),
        ("Mon, 23 Nov 2020 12:01:00 GMT", 1.0),
        ("Mon, 23 Nov 2099 12:01:00 GMT", 900.0),
        ("-5", None),
        ("soon", None),
        ("", None),
    ],
)
async def test_r04_retry_after_is_honoured_within_bounds(value: str, seconds: float | None) -> None:
    assert retry_after_s(value, NOW) == seconds
    error = await error_of(lambda _: failed(429, "TOOMANYREQUESTS", Retry_After=value))

    assert isinstance(error, RateLimited)
    assert error.retry_after_s == seconds


def token_script(token_status: int = 200, registry_status: int = 401) -> scripted.Script:
    """A registry that wants a token of its own token server."""

    def script(seen: Seen) -> Reply:
        if seen.path.startswith("/token"):
            return Reply(status=token_status, body=json.dumps({"token": "t"}).encode())
        if "authorization" in seen.headers and registry_status == 200:
            return found(RAW)
        host = seen.headers["host"]
        challenge = f'Bearer realm="http://{host}/token",service="s",scope="repository:x:pull"'
        return failed(401, "UNAUTHORIZED", WWW_Authenticate=challenge)

    return script


async def test_r05_a_registry_that_refuses_every_token_gets_two_token_requests() -> None:
    async with ScriptedRegistry(token_script()) as server, parts(server.address) as room:
        for _ in range(2):
            before = len(server.seen)
            with pytest.raises(Unauthorized):
                await room.client.resolve(
                    repository(server.address), "1.0", access(password(CANARY))
                )
            asked = [one for one in server.seen[before:] if one.path.startswith("/token")]
            assert len(asked) <= 2


async def test_r05_the_scope_of_a_token_is_ours_and_not_the_challenges() -> None:
    script = token_script(registry_status=200)
    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        await room.client.resolve(repository(server.address), "1.0", access(password(CANARY)))
        (asked,) = [one for one in server.seen if one.path.startswith("/token")]

    assert "scope=repository%3Ateam%2Fweb%3Apull" in asked.path
    assert "repository%3Ax" not in asked.path


def elsewhere(realm: str) -> scripted.Script:
    """A registry that names a token server."""
    return lambda _: failed(
        401, "UNAUTHORIZED", WWW_Authenticate=f'Bearer realm="{realm}",service="s"'
    )


async def test_r06_credentials_never_go_to_a_token_server_that_is_not_listed() -> None:
    async with ScriptedRegistry(lambda _: failed(401, "UNAUTHORIZED")) as thief:
        script = elsewhere(f"http://localhost:{thief.port}/token")
        async with ScriptedRegistry(script) as server:
            allowed = (server.address, f"localhost:{thief.port}")
            async with parts(*allowed) as room:
                with pytest.raises(TokenHostNotListed) as caught:
                    await room.client.resolve(
                        repository(server.address), "1.0", access(password(CANARY))
                    )

        assert all("authorization" not in one.headers for one in thief.seen)
        expected = f"--registry-token-host={server.address}=localhost:{thief.port}"
        assert expected in caught.value.hint


async def test_r06_a_listed_token_server_gets_the_credentials() -> None:
    tokens = ScriptedRegistry(lambda _: Reply(body=b'{"access_token": "t"}'))
    async with tokens as listed:
        place = f"localhost:{listed.port}"

        def script(seen: Seen) -> Reply:
            if seen.headers.get("authorization") == "Bearer t":
                return found(RAW)
            return elsewhere(f"http://{place}/token")(seen)

        async with ScriptedRegistry(script) as server:
            policy = HostPolicy(token_hosts=frozenset({(server.address, place)}))
            async with parts(server.address, place, policy=policy) as room:
                digest = await room.client.resolve(
                    repository(server.address), "1.0", access(password(CANARY))
                )

        assert digest == DIGEST
        (asked,) = listed.seen
        secret = base64.b64encode(f"ana:{CANARY}".encode()).decode()
        assert asked.headers["authorization"] == f"Basic {secret}"


@pytest.mark.parametrize("old_one", ["is gone", "knows nobody", "is believed no more"])
async def test_r05_a_registry_that_moves_its_token_server_is_followed(old_one: str) -> None:
    """What it had said once was asked for ever, and the registry itself no longer."""

    def old(_: Seen) -> Reply:
        return failed(404) if moved and old_one == "knows nobody" else issued("old")

    def issued(token: str) -> Reply:
        return Reply(body=json.dumps({"token": token, "expires_in": 60}).encode())

    def script(seen: Seen) -> Reply:
        wanted = "new" if moved else "old"
        if seen.headers.get("authorization") == f"Bearer {wanted}":
            return found(RAW)
        realm = new_server.address if moved else old_server.address
        return elsewhere(f"http://{realm}/token")(seen)

    moved = False
    clock = [0.0]
    new = ScriptedRegistry(lambda _: issued("new"))
    async with ScriptedRegistry(old) as old_server, new as new_server:
        async with ScriptedRegistry(script) as server:
            listed = {(server.address, one.address) for one in (old_server, new_server)}
            policy = HostPolicy(token_hosts=frozenset(listed))
            addresses = (server.address, old_server.address, new_server.address)
            async with parts(*addresses, policy=policy, monotonic=lambda: clock[0]) as room:
                place, who = repository(server.address), access(password(CANARY))
                assert await room.client.resolve(place, "1.0", who) == DIGEST
                moved = True
                clock[0] += 700
                if old_one == "is gone":
                    await old_server.__aexit__(None, None, None)

                assert await room.client.resolve(place, "1.0", who) == DIGEST


async def test_p09_a_cookie_of_one_request_is_not_sent_with_another() -> None:
    """One client serves all namespaces; a session would have spoken for whoever came next."""
    number = iter(range(100))

    def script(_: Seen) -> Reply:
        answer = found(RAW)
        cookies = {"Set-Cookie": f"session{next(number)}=secret; Path=/"}
        return replace(answer, headers={**answer.headers, **cookies})

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        for who in (access(password(CANARY)), access()):
            await room.client.resolve(repository(server.address), "1.0", who)

    assert len(server.seen) >= 2
    assert not any("cookie" in one.headers for one in server.seen)


async def test_p12_certificates_that_cannot_be_read_are_not_the_hosts_fault() -> None:
    """They were counted as silence, which closes a host for every namespace."""
    broken = "-----BEGIN CERTIFICATE-----\ngarbage\n-----END CERTIFICATE-----\n"
    async with ScriptedRegistry(lambda _: found(RAW)) as server, parts(server.address) as room:
        with pytest.raises(NotAllowed, match="certificates to trust cannot be read"):
            await room.client.resolve(
                repository(server.address), "1.0", access(certificates=broken)
            )

    assert server.seen == []


@pytest.mark.parametrize(
    "realm",
    [
        "http://127.0.0.1:1/token", "http://169.254.169.254/latest", "https://user:pw@a.example/",
        "ftp://a.example/token", "https://a.example/#x", "/token", "", "https://[::1]/token",
        "http://2130706433/", "https://0x7f.1/",
    ],
)  # fmt: skip
async def test_r07_a_strange_realm_is_refused_before_any_connection(realm: str) -> None:
    resolver = FixedResolver(["127.0.0.1"])
    async with ScriptedRegistry(elsewhere(realm)) as server:
        async with parts(server.address, resolver=resolver) as room:
            with pytest.raises(NotAllowed):
                await room.client.resolve(
                    repository(server.address), "1.0", access(password(CANARY))
                )

    assert resolver.lookups <= 1


async def test_r08_a_redirect_loop_ends_after_three() -> None:
    def script(seen: Seen) -> Reply:
        return Reply(status=307, headers={"Location": seen.path})

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        with pytest.raises(BadAnswer):
            await room.client.get(repository(server.address), "1.0", access())

        assert len(server.seen) == 4


async def test_r08_a_redirect_to_another_host_loses_the_credentials() -> None:
    async with ScriptedRegistry(lambda _: found(RAW)) as other:

        def script(seen: Seen) -> Reply:
            if "authorization" not in seen.headers:
                return failed(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="x"')
            where = f"http://localhost:{other.port}{seen.path}"
            return Reply(status=302, headers={"Location": where})

        async with ScriptedRegistry(script) as server:
            async with parts(server.address, f"localhost:{other.port}") as room:
                found_manifest = await room.client.get(
                    repository(server.address), "1.0", access(password(CANARY))
                )

        assert found_manifest.digest == DIGEST
        assert all("authorization" not in one.headers for one in other.seen)


@pytest.mark.parametrize(
    "location", ["http://169.254.169.254/x", "http://10.0.0.1/x", "https://192.168.1.1/x"]
)
async def test_r08_a_redirect_to_a_private_address_is_refused(location: str) -> None:
    error = await error_of(lambda _: Reply(status=302, headers={"Location": location}))

    assert isinstance(error, NotAllowed)


async def test_r08_a_redirect_from_https_to_http_is_refused(tmp_path: Path) -> None:
    def script(seen: Seen) -> Reply:
        return Reply(status=302, headers={"Location": f"http://localhost{seen.path}"})

    authority = Authority(tmp_path)
    async with ScriptedRegistry(
        script, tls=authority.server("registry").server_context()
    ) as server:
        async with parts(server.address, plain=False, ca_file=authority.certificate) as room:
            with pytest.raises(NotAllowed, match="without TLS"):
                await room.client.get(repository(server.address), "1.0", access())


async def flood(writer: asyncio.StreamWriter) -> None:
    """Bytes without end."""
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


async def test_r10_an_endless_body_is_cut_at_four_megabytes() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def script(seen: Seen) -> Reply:
        return failed(405) if seen.method == "HEAD" else Reply(stream=flood)

    error = await error_of(script)

    assert isinstance(error, BadAnswer)
    assert "4194304" in str(error)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 64 * 1024


async def test_r10_a_body_without_end_in_chunks_is_cut_too() -> None:
    async def chunks(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            await writer.drain()

    def script(seen: Seen) -> Reply:
        if seen.method == "HEAD":
            return failed(405)
        return Reply(headers={"Transfer-Encoding": "chunked"}, stream=chunks)

    assert isinstance(await error_of(script), BadAnswer)


async def test_r10_a_compressed_answer_is_refused_unread() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)

    def script(seen: Seen) -> Reply:
        assert seen.headers["accept-encoding"] == "identity"
        if seen.method == "HEAD":
            return failed(405)
        return Reply(headers={"Content-Encoding": "gzip", "Content-Type": "x"}, body=bomb)

    assert isinstance(await error_of(script), BadAnswer)


async def test_r11_bytes_that_are_not_the_digests_are_a_mismatch() -> None:
    async with ScriptedRegistry(lambda _: found(manifest("two"))) as server:
        async with parts(server.address) as room:
            with pytest.raises(DigestMismatch):
                await room.client.get(repository(server.address), str(DIGEST), access())
            with pytest.raises(DigestMismatch):
                await room.client.exists(repository(server.address), DIGEST, access())


async def test_r12_a_lying_header_counts_for_nothing_when_there_are_bytes() -> None:
    lie = sha256(b"something else")

    def script(_: Seen) -> Reply:
        return found(RAW, Docker_Content_Digest=lie)

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        place = repository(server.address)
        assert (await room.client.get(place, "1.0", access())).digest == DIGEST
        assert await room.client.exists(place, DIGEST, access())


async def test_r13_a_document_that_is_index_and_manifest_is_refused() -> None:
    both = json.dumps({**json.loads(RAW), "manifests": []}).encode()

    async with ScriptedRegistry(lambda _: found(both)) as server, parts(server.address) as room:
        with pytest.raises(BadAnswer, match="both"):
            await room.client.get(repository(server.address), sha256(both), access())


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (failed(404, "MANIFEST_UNKNOWN"), ManifestNotFound),
        (failed(404, "NAME_UNKNOWN"), RepositoryNotFound),
        (failed(404), BadAnswer),
        (
            failed(404, "MANIFEST_UNKNOWN", message="OCI index found, but Accept header does not"),
            BadAnswer,
        ),
        (failed(403, "DENIED"), Unauthorized),
        (failed(404, "UNAUTHORIZED"), BadAnswer),
    ],
)
async def test_r14_only_the_registrys_clear_words_mean_missing(
    reply: Reply, kind: type[RegistryError]
) -> None:
    async with ScriptedRegistry(lambda _: reply) as server, parts(server.address) as room:
        place = repository(server.address)
        with pytest.raises(kind):
            await room.client.get(place, str(DIGEST), access())
        question = Question(Subject.DIGEST, place, str(DIGEST), access())
        if kind is ManifestNotFound:
            answer = await room.inquiry.ask(question, with_content=False)
            assert answer.presence is Presence.MISSING
        else:
            with pytest.raises(kind):
                await room.inquiry.ask(question, with_content=False)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(headers={"Content-Type": "text/html"}, body=b"<html>please log in</html>"),
        Reply(),
        Reply(headers={"Content-Type": scripted.MANIFEST}, body=b"\xff\xfe\xfa"),
        Reply(headers={"Content-Type": scripted.MANIFEST}, body=b"[" * 100_000),
        Reply(headers={"Content-Type": scripted.MANIFEST}, body=b'{"a":' * 50_000),
        Reply(headers={"Content-Type": scripted.MANIFEST}, body=b"null"),
        Reply(headers={"Content-Type": scripted.INDEX}, body=b'{"manifests": {}}'),
        Reply(headers={"Content-Type": scripted.MANIFEST}, body=b'{"config": []}'),
    ],
)
async def test_r16_an_answer_that_is_no_manifest_is_a_bad_answer(reply: Reply) -> None:
    assert isinstance(await error_of(lambda _: reply), BadAnswer)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "fd00::1"])
async def test_r17_a_name_that_leads_to_a_private_address_is_refused(address: str) -> None:
    resolver = FixedResolver([address])
    async with parts(resolver=resolver) as room:
        with pytest.raises(NotAllowed) as caught:
            await room.client.resolve(repository("registry.example.com"), "1.0", access())

    assert address not in str(caught.value)


async def test_r17_one_public_address_does_not_excuse_a_private_one() -> None:
    async with parts(resolver=FixedResolver(["93.184.216.34", "127.0.0.1"])) as room:
        with pytest.raises(NotAllowed):
            await room.client.resolve(repository("registry.example.com"), "1.0", access())


async def test_r17_a_name_is_looked_up_once_for_a_connection() -> None:
    async with ScriptedRegistry(lambda _: found(RAW)) as server:
        place = f"registry.example.com:{server.port}"
        # The second answer would be another server: there must be no second look-up.
        resolver = FixedResolver(["127.0.0.1"], ["93.184.216.34"])
        async with parts(place, resolver=resolver) as room:
            assert await room.client.resolve(repository(place), "1.0", access()) == DIGEST
            assert await room.client.resolve(repository(place), "1.0", access()) == DIGEST

    assert resolver.lookups == 1


async def over_tls(client: RegistryClient, host: str) -> Digest:
    return await client.resolve(repository(host), "1.0", access())


async def test_r18_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs")
    tls = theirs.server("registry").server_context()
    async with ScriptedRegistry(lambda _: found(RAW), tls=tls) as server:
        async with parts(server.address, plain=False) as room:
            with pytest.raises(Unreachable):
                await over_tls(room.client, server.address)
        async with parts(server.address, plain=False, ca_file=ours.certificate) as room:
            with pytest.raises(Unreachable):
                await over_tls(room.client, server.address)
        async with parts(server.address, plain=False) as room:
            trusting = access(certificates=theirs.certificate.read_text())
            place = repository(server.address)
            assert await room.client.resolve(place, "1.0", trusting) == DIGEST
            with pytest.raises(Unreachable):
                await over_tls(room.client, server.address)


async def test_r18_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = authority.server("registry").server_context()
    async with ScriptedRegistry(lambda _: found(RAW), tls=tls) as server:
        place = f"other.example.com:{server.port}"
        resolver = FixedResolver(["127.0.0.1"])
        async with parts(
            place, plain=False, ca_file=authority.certificate, resolver=resolver
        ) as room:
            with pytest.raises(Unreachable):
                await over_tls(room.client, place)
        assert server.seen == []


async def test_r18_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = authority.server("registry", expired=True).server_context()
    async with ScriptedRegistry(lambda _: found(RAW), tls=tls) as server:
        async with parts(server.address, plain=False, ca_file=authority.certificate) as room:
            with pytest.raises(Unreachable):
                await over_tls(room.client, server.address)


async def test_s06_a_token_of_one_secret_never_serves_another() -> None:
    passwords = {"one-canary": "token-one", "two-canary": "token-two"}

    def script(seen: Seen) -> Reply:
        authorization = seen.headers.get("authorization", "")
        if seen.path.startswith("/token"):
            decoded = base64.b64decode(authorization.removeprefix("Basic ") or "Og==").decode()
            token = passwords.get(decoded.partition(":")[2])
            return Reply(body=json.dumps({"token": token}).encode()) if token else failed(401)
        if authorization.startswith("Bearer token"):
            return found(RAW)
        return token_script()(seen)

    async with ScriptedRegistry(script) as server, parts(server.address) as room:
        place = repository(server.address)
        for word, token in passwords.items():
            before = len(server.seen)
            await room.client.resolve(place, "1.0", access(password(word)))
            sent = {one.headers.get("authorization", "") for one in server.seen[before:]}
            other = set(passwords.values()) - {token}
            assert f"Bearer {token}" in sent
            assert not any(f"Bearer {one}" in sent for one in other)
        before = len(server.seen)
        with pytest.raises(Unauthorized):
            await room.client.resolve(place, "1.0", access())
        assert not any("authorization" in one.headers for one in server.seen[before:])
