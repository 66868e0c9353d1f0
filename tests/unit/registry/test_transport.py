"""What the transport makes of failures: whose fault they are, and what is said of them."""

from __future__ import annotations

import asyncio
import base64
import ssl
from pathlib import Path

import pytest

from controlplane.certificates import Authority
from pinnedrelease.core.registry import TroubleKind
from pinnedrelease.registry import trust_sets
from pinnedrelease.registry.errors import NotAllowed, NotTrusted
from pinnedrelease.registry.host_policy import HostPolicy
from pinnedrelease.registry.transport import Transport
from registry_parts import parts
from scripted_registry import Reply, ScriptedRegistry, Seen


async def test_a_header_that_cannot_be_sent_is_our_fault_and_nobody_reads_it() -> None:
    """The library's message has the header's value in it: a token stood in the operator's log."""
    async with ScriptedRegistry(lambda _: Reply()) as server, parts(server.address) as room:
        with pytest.raises(NotAllowed) as caught:
            await room.transport.send(
                "GET", f"http://{server.address}/", headers={"Authorization": "Bearer canary\n"}
            )

    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert server.seen == []


@pytest.fixture
def any_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust sets that need no certificates: what counts here is their number."""
    tls = ssl.create_default_context()
    monkeypatch.setattr(trust_sets, "_tls", lambda _ca_file, _certificates: tls)


@pytest.mark.parametrize("own", [None, "a set of its own"])
async def test_a_request_is_not_cut_off_by_certificates_of_others(
    any_trust: None,  # noqa: ARG001 - for what it does
    own: str | None,
) -> None:
    """The client of a running request was closed when 32 other sets had come after it."""
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await go_on.wait()
        writer.write(b"ok")

    def script(seen: Seen) -> Reply:
        return Reply(stream=slowly) if seen.path == "/slow" else Reply()

    async with ScriptedRegistry(script) as server, parts(server.address) as room:

        async def ask(path: str, certificates: str | None) -> bytes:
            url = f"http://{server.address}{path}"
            return (await room.transport.send("GET", url, certificates=certificates)).body

        slow = asyncio.create_task(ask("/slow", own))
        await arrived.wait()
        for number in range(trust_sets.TRUST_SETS_LIMIT + 1):
            await ask("/", f"set {number}")
        go_on.set()

        assert await slow == b"ok"
        kept = room.transport._clients._kept
        assert len(kept) == trust_sets.TRUST_SETS_LIMIT
        assert ("" in kept) == (own is None)


async def test_an_authority_that_one_asker_does_not_trust_is_no_fault_of_the_host(
    tmp_path: Path,
) -> None:
    theirs = Authority(tmp_path)
    tls = theirs.server("registry").server_context()
    async with ScriptedRegistry(lambda _: Reply(), tls=tls) as server:
        async with parts(server.address, plain=False) as room:
            with pytest.raises(NotTrusted) as caught:
                await room.transport.send("GET", f"https://{server.address}/v2/")

    assert caught.value.coarse is TroubleKind.UNREACHABLE


@pytest.mark.parametrize(
    ("login", "expected"),
    [("", None), ("ana:s%40cret@", "ana:s@cret"), ("ana@", "ana:")],
)
async def test_a_proxy_is_told_the_user_of_its_url(login: str, expected: str | None) -> None:
    """The library leaves user and password out, and the proxy answered 407 to everything."""
    async with ScriptedRegistry(lambda _: Reply(body=b"through")) as proxy:
        place = "registry.example.com:80"
        policy = HostPolicy(plain_http=frozenset({place}))
        transport = Transport(policy, proxy=f"http://{login}{proxy.address}")
        answer = await transport.send("GET", f"http://{place}/v2/")
        await transport.close()

    (seen,) = proxy.seen
    header = seen.headers.get("proxy-authorization")
    assert answer.body == b"through"
    told = None if header is None else base64.b64decode(header.removeprefix("Basic ")).decode()
    assert told == expected
