"""Look-ups of names: slow ones hold up neither others nor the end of the process."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from pinnedrelease.registry import transport
from pinnedrelease.registry.errors import Crowded, Unreachable
from pinnedrelease.registry.resolver import (
    AT_ONCE_PER_DOMAIN,
    AT_ONCE_PER_HOST,
    AT_ONCE_PER_ZONE,
    SystemResolver,
)
from registry_parts import parts

GOOD = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))]


class SlowNames:
    """Answers look-ups of names with ``slow`` when it is released, and others at once."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.running = 0

    def getaddrinfo(self, host: str, *_: object, **__: object) -> list[object]:
        if "slow" not in host:
            return list(GOOD)
        self.running += 1
        self.released.wait(10.0)
        raise socket.gaierror(-3, "no name server answers")


@pytest.fixture
def slow_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowNames]:
    names = SlowNames()
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    yield names
    names.released.set()


async def test_slow_look_ups_hold_up_nobody_else(slow_names: SlowNames) -> None:
    """Eight of them had every thread, and no other registry could be asked for half a minute."""
    resolver = SystemResolver()
    slow = [asyncio.create_task(resolver.resolve("a.slow.example", 443, 9.0)) for _ in range(12)]
    await asyncio.sleep(0.05)

    async with asyncio.timeout(1.0):
        assert await resolver.resolve("good.example.com", 443, 1.0) == ["93.184.216.34"]
    assert slow_names.running == AT_ONCE_PER_HOST
    for one in slow[:6]:
        one.cancel()
    await asyncio.sleep(0.05)
    assert slow_names.running == AT_ONCE_PER_HOST, "a thread whose caller gave up still counts"

    slow_names.released.set()
    ends = await asyncio.gather(*slow, return_exceptions=True)
    assert {type(one) for one in ends[6:]} == {socket.gaierror}


@pytest.mark.parametrize(
    ("name", "limit", "innocent"),
    [
        ("slow.shop.svc.cluster.local", AT_ONCE_PER_HOST, "good.shop.svc.cluster.local"),
        ("slow{}.shop.svc.cluster.local", AT_ONCE_PER_DOMAIN, "good.bank.svc.cluster.local"),
        ("slow{}.acme.co.uk", AT_ONCE_PER_DOMAIN, "registry.other.co.uk"),
        ("{}.slow.example", AT_ONCE_PER_ZONE, "registry.example.com"),
    ],
)
async def test_slow_names_leave_places_to_their_neighbours(
    slow_names: SlowNames, name: str, limit: int, innocent: str
) -> None:
    """Two of them held up all of ``*.svc.cluster.local`` and all of ``*.co.uk``."""
    resolver = SystemResolver()
    slow = [
        asyncio.create_task(resolver.resolve(name.format(number), 443, 9.0))
        for number in range(limit + 5)
    ]
    await asyncio.sleep(0.2)

    async with asyncio.timeout(1.0):
        assert await resolver.resolve(innocent, 443, 1.0) == ["93.184.216.34"]
    assert slow_names.running == limit
    slow_names.released.set()
    await asyncio.gather(*slow, return_exceptions=True)


async def test_who_waits_for_the_look_ups_of_others_is_not_to_blame(
    slow_names: SlowNames, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host was said to be unreachable, and was left alone for minutes."""
    monkeypatch.setattr(transport, "STEP_S", 0.2)
    url = "https://good.shop.svc.cluster.local/v2/"
    async with parts() as room:
        resolver = room.transport._backend._resolver
        slow = [
            asyncio.create_task(resolver.resolve(f"slow{n}.shop.svc.cluster.local", 443, 9.0))
            for n in range(AT_ONCE_PER_DOMAIN)
        ]
        await asyncio.sleep(0.05)
        with pytest.raises(Crowded):
            await room.transport.send("GET", url)
    slow_names.released.set()
    await asyncio.gather(*slow, return_exceptions=True)


async def test_the_process_ends_without_its_look_ups(slow_names: SlowNames) -> None:
    task = asyncio.create_task(SystemResolver().resolve("a.slow.example", 443, 9.0))
    await asyncio.sleep(0.05)

    assert slow_names.running == 1
    looking = [one for one in threading.enumerate() if one.name.startswith("resolve")]
    assert looking
    assert all(one.daemon for one in looking)
    task.cancel()


async def test_a_name_that_nobody_resolves_ends_with_the_time_to_connect(
    slow_names: SlowNames, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "STEP_S", 0.2)
    began = time.monotonic()
    async with parts() as room:
        with pytest.raises(Unreachable, match="looked up in time"):
            await room.transport.send("GET", "https://a.slow.example/v2/")

    assert time.monotonic() - began < 5.0
    assert not slow_names.released.is_set()
