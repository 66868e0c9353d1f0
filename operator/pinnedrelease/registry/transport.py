"""The only place that opens connections to registries: checked addresses, bounded answers."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urljoin

import httpcore
import httpx

from pinnedrelease import __version__
from pinnedrelease.registry.endpoint import Endpoint
from pinnedrelease.registry.errors import BadAnswer, NotAllowed, Unreachable
from pinnedrelease.registry.host_policy import HostPolicy, endpoint_of_url

BODY_LIMIT = 4 * 1024 * 1024
DEADLINE_S = 20.0
STEP_S = 5.0
REDIRECTS = 3
_REDIRECT_CODES = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class Resolver(Protocol):
    """Names to addresses."""

    async def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of a host. Raises OSError."""


class SystemResolver:
    """The resolver of this machine."""

    async def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of a host. Raises OSError."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [str(entry[4][0]) for entry in found]


class Transport:
    """Sends requests. Proxy variables and .netrc of the environment are ignored."""

    def __init__(
        self,
        policy: HostPolicy,
        *,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self._policy = policy
        pool = httpcore.AsyncConnectionPool(
            ssl_context=tls or ssl.create_default_context(),
            max_connections=64,
            max_keepalive_connections=16,
            keepalive_expiry=30.0,
            network_backend=_CheckedBackend(policy, resolver or SystemResolver()),
        )
        self._client = httpx.AsyncClient(
            transport=_PoolTransport(pool),
            timeout=httpx.Timeout(STEP_S),
            follow_redirects=False,
            trust_env=False,
            headers={
                "User-Agent": f"pinnedrelease/{__version__}",
                # A compressed answer could be a bomb, and its length header would lie.
                "Accept-Encoding": "identity",
            },
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        redirects: int = REDIRECTS,
    ) -> Answer:
        """One request with its redirects, 20 s and 4 MiB at the most.

        A redirect to another scheme, host or port loses the Authorization header; one from https
        to http is refused. Raises Unreachable, NotAllowed or BadAnswer.
        """
        authority = endpoint_of_url(url).authority
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await self._follow(method, url, dict(headers or {}), content, redirects)
        except TimeoutError as error:
            raise Unreachable(f"{authority} did not answer within {DEADLINE_S:.0f} s") from error
        except (httpx.HTTPError, httpcore.NetworkError, OSError, ssl.SSLError) as error:
            kind = type(error).__name__
            raise Unreachable(f"{authority} cannot be reached ({kind})") from error

    async def _follow(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None, redirects: int
    ) -> Answer:
        here = endpoint_of_url(url)
        for _ in range(redirects + 1):
            answer = await self._once(method, url, headers, content)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECT_CODES or not location:
                return answer
            if method not in ("GET", "HEAD"):
                raise BadAnswer(f"{here.authority} redirects a {method}")
            url = urljoin(url, location)
            there = endpoint_of_url(url)
            if there.scheme == "http" and here.scheme == "https":
                raise NotAllowed(f"{here.authority} redirects to a server without TLS")
            if there != here:
                headers = {
                    name: value
                    for name, value in headers.items()
                    if name.lower() != "authorization"
                }
            here = there
        raise BadAnswer(f"{here.authority} redirects too often")

    async def _once(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> Answer:
        endpoint = endpoint_of_url(url)
        self._check_scheme(endpoint)
        request = self._client.build_request(method, url, headers=dict(headers), content=content)
        response = await self._client.send(request, stream=True)
        try:
            body = await _bounded(response, endpoint)
        finally:
            await response.aclose()
        lower = {name.lower(): value for name, value in response.headers.items()}
        return Answer(status=response.status_code, headers=lower, body=body, url=url)

    def _check_scheme(self, endpoint: Endpoint) -> None:
        if endpoint.scheme == "http" and endpoint.authority not in self._policy.plain_http:
            raise NotAllowed(f"{endpoint.authority} is not listed for plain HTTP")


async def _bounded(response: httpx.Response, endpoint: Endpoint) -> bytes:
    if response.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        raise BadAnswer(f"{endpoint.authority} sends a compressed answer that was not asked for")
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > BODY_LIMIT:
            raise BadAnswer(f"{endpoint.authority} sends more than {BODY_LIMIT} bytes")
    return bytes(body)


class _PoolTransport(httpx.AsyncHTTPTransport):
    """httpx over a connection pool of ours, so that every connection is checked."""

    def __init__(self, pool: httpcore.AsyncConnectionPool) -> None:
        super().__init__(trust_env=False)
        self._pool = pool


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Resolves once, checks every address, connects to one that was checked.

    A second look-up could be answered differently (DNS rebinding). TLS and the Host header still
    use the name.
    """

    def __init__(self, policy: HostPolicy, resolver: Resolver) -> None:
        self._policy = policy
        self._resolver = resolver
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface of httpcore
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        authority = f"{host.strip('[]').lower()}:{port}"
        addresses = await self._resolver.resolve(host.strip("[]"), port)
        checked = [self._policy.check_address(one, authority) for one in addresses]
        if not checked:
            raise httpcore.ConnectError(f"{authority} has no address")
        return await self._plain.connect_tcp(
            str(checked[0]), port, timeout, local_address, socket_options
        )
