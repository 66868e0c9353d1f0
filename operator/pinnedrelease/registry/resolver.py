"""Names to addresses, in threads that nobody has to wait for."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import Protocol
from weakref import WeakValueDictionary

from pinnedrelease.registry.errors import Crowded

AT_ONCE = 64
AT_ONCE_PER_ZONE = 32
AT_ONCE_PER_DOMAIN = 8
AT_ONCE_PER_HOST = 2
_SERVICES = ["svc", "cluster", "local"]


class Resolver(Protocol):
    """Names to addresses."""

    async def resolve(self, host: str, port: int, limit_s: float | None) -> list[str]:
        """The addresses of a host. Raises OSError, TimeoutError for a slow name, or Crowded."""


class SystemResolver:
    """The resolver of this machine.

    A name server that does not answer holds a thread for half a minute, and nothing can end it.
    So there are only so many at once for one host, for the domain of its team and for the zone
    above, whoever waits may give up, and the process ends without them. The time to wait for a
    place is counted apart from that of the look-up: the names of others may be what is slow.
    """

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(AT_ONCE)
        self._some: WeakValueDictionary[tuple[int, str], asyncio.Semaphore] = WeakValueDictionary()

    async def resolve(self, host: str, port: int, limit_s: float | None) -> list[str]:
        """The addresses of a host. Raises OSError, TimeoutError for a slow name, or Crowded."""
        with contextlib.ExitStack() as places:
            try:
                async with asyncio.timeout(limit_s):
                    for one in self._places(host):
                        await one.acquire()
                        places.callback(one.release)
            except TimeoutError as error:
                raise Crowded(f"{host} cannot be looked up: other look-ups go before") from error
            loop = asyncio.get_running_loop()
            answer: asyncio.Future[list[str]] = loop.create_future()

            def ended(found: list[str] | Exception, held: contextlib.ExitStack) -> None:
                held.close()
                if answer.done():
                    return
                if isinstance(found, Exception):
                    answer.set_exception(found)
                else:
                    answer.set_result(found)

            def look_up(held: contextlib.ExitStack) -> None:
                found = _look_up(host, port)
                # The loop may have ended meanwhile: then nobody waits, and no place matters.
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(ended, found, held)

            # The places are free when the thread ends, not when somebody gives up.
            held = places.pop_all()
            try:
                threading.Thread(
                    target=look_up, args=(held,), name=f"resolve {host}", daemon=True
                ).start()
            except RuntimeError as error:
                held.close()
                raise OSError("no thread to look a name up") from error
        async with asyncio.timeout(limit_s):
            return await answer

    def _places(self, host: str) -> list[asyncio.Semaphore]:
        """What a look-up of a host needs a place in, the narrowest first."""
        labels = host.lower().rstrip(".").split(".")
        # Three labels tell apart who shares a suffix (co.uk), four the namespaces of a cluster.
        # Whoever owns two has as many of three as he likes: so he gets half of all at the most.
        domain = labels[-4:] if labels[-3:] == _SERVICES else labels[-3:]
        limits = (
            (labels, AT_ONCE_PER_HOST),
            (domain, AT_ONCE_PER_DOMAIN),
            (labels[-2:], AT_ONCE_PER_ZONE),
        )
        some = []
        for level, (name, limit) in enumerate(limits):
            key = (level, ".".join(name))
            some.append(self._some.setdefault(key, asyncio.Semaphore(limit)))
        return [*some, self._all]


def _look_up(host: str, port: int) -> list[str] | Exception:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except Exception as error:  # noqa: BLE001 - it is raised where somebody waits for it
        return error
    return [str(entry[4][0]) for entry in found]
