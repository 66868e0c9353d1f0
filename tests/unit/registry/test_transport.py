"""What the transport makes of failures: whose fault they are, and what is said of them."""

from __future__ import annotations

import pytest

from pinnedrelease.registry.errors import NotAllowed
from registry_parts import parts
from scripted_registry import Reply, ScriptedRegistry


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
