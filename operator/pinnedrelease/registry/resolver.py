"""Names to addresses, in threads that nobody has to wait for."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import Protocol
from weakref import WeakValueDictionary

AT_ONCE = 64
AT_ONCE_PER_DOMAIN = 2


class Resolver(Protocol):
    """Names to addresses."""

    async def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of a host. Raises OSError."""


class SystemResolver:
    """The resolver of this machine.

    A name server that does not answer holds a thread for half a minute, and nothing can end it.
    So there are only two at once for the names of one domain, whoever waits may give up, and the
    process ends without them.
    """

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(AT_ONCE)
        self._domains: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of a host. Raises OSError."""
        domain = ".".join(host.lower().rstrip(".").split(".")[-2:])
        of_domain = self._domains.setdefault(domain, asyncio.Semaphore(AT_ONCE_PER_DOMAIN))
        with contextlib.ExitStack() as places:
            for one in (of_domain, self._all):
                await one.acquire()
                places.callback(one.release)
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
                    target=look_up, args=(held,), name=f"resolve {domain}", daemon=True
                ).start()
            except RuntimeError as error:
                held.close()
                raise OSError("no thread to look a name up") from error
        return await answer


def _look_up(host: str, port: int) -> list[str] | Exception:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except Exception as error:  # noqa: BLE001 - it is raised where somebody waits for it
        return error
    return [str(entry[4][0]) for entry in found]
