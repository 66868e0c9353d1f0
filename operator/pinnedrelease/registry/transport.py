"""The only place that opens connections to registries: checked addresses, bounded answers."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

import httpcore
import httpx

from pinnedrelease import __version__
from pinnedrelease.registry.endpoint import Endpoint
from pinnedrelease.registry.errors import (
    BadAnswer,
    NotAllowed,
    NotTrusted,
    RegistryError,
    Unreachable,
)
from pinnedrelease.registry.host_policy import HostPolicy, endpoint_of_url
from pinnedrelease.registry.resolver import Resolver, SystemResolver
from pinnedrelease.registry.trust_sets import TrustSets

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


@dataclass(frozen=True, slots=True)
class _Hop:
    """One step of a request that may be redirected."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes | None


class Transport:
    """Sends requests. Proxy variables and .netrc of the environment are ignored."""

    def __init__(
        self,
        policy: HostPolicy,
        *,
        ca_file: Path | None = None,
        proxy: str | None = None,
        resolver: Resolver | None = None,
        tell: Callable[[str, str], None] = lambda _authority, _outcome: None,
    ) -> None:
        """``tell`` hears of each request: the authority asked, and a status or an error."""
        self._policy = policy
        self._tell = tell
        self._proxy = proxy
        self._backend = _CheckedBackend(policy, resolver or SystemResolver())
        self._clients = TrustSets(self._new_client, ca_file)

    async def close(self) -> None:
        """Close the connections."""
        await self._clients.close()

    def _new_client(self, tls: ssl.SSLContext) -> httpx.AsyncClient:
        pool: httpcore.AsyncConnectionPool
        if self._proxy is not None:
            # A proxy resolves names itself: keeping addresses away is its task then.
            pool = httpcore.AsyncHTTPProxy(
                self._proxy,
                proxy_auth=_login_of(self._proxy),
                ssl_context=tls,
                max_connections=64,
                max_keepalive_connections=16,
                keepalive_expiry=30.0,
            )
        else:
            pool = httpcore.AsyncConnectionPool(
                ssl_context=tls,
                max_connections=64,
                max_keepalive_connections=16,
                keepalive_expiry=30.0,
                network_backend=self._backend,
            )
        return httpx.AsyncClient(
            transport=_PoolTransport(pool),
            timeout=httpx.Timeout(STEP_S),
            follow_redirects=False,
            trust_env=False,
            # One client serves many namespaces: a session of one must not speak for another.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={
                "User-Agent": f"pinnedrelease/{__version__}",
                # A compressed answer could be a bomb, and its length header would lie.
                "Accept-Encoding": "identity",
            },
        )

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        redirects: int = REDIRECTS,
        certificates: str | None = None,
    ) -> Answer:
        """One request with its redirects, 20 s and 4 MiB at the most.

        A redirect to another scheme, host or port loses the Authorization header; one from https
        to http is refused. ``certificates`` (PEM) are trusted beside the operator's own. Raises
        Unreachable (Crowded where it was not the host that was slow), NotAllowed or BadAnswer.
        """
        authority = endpoint_of_url(url).authority
        try:
            first = _Hop(method, url, dict(headers or {}), content)
            async with (
                asyncio.timeout(DEADLINE_S),
                self._clients.trusting(certificates or "") as client,
            ):
                answer = await self._follow(client, first, redirects)
        except TimeoutError as error:
            self._tell(authority, "timeout")
            raise Unreachable(f"{authority} did not answer within {DEADLINE_S:.0f} s") from error
        except httpx.LocalProtocolError:
            # What we wanted to send is no HTTP: not the host's fault. The cause may show a secret.
            self._tell(authority, "refused")
            raise NotAllowed(f"the request to {authority} cannot be written as HTTP") from None
        except (httpx.HTTPError, httpcore.NetworkError, OSError, ssl.SSLError) as error:
            self._tell(authority, "unreachable")
            cause = str(error)[:200] or type(error).__name__
            kind = NotTrusted if _is_about_trust(error) else Unreachable
            raise kind(f"{authority} cannot be reached: {cause}") from error
        except RegistryError:
            self._tell(authority, "refused")
            raise
        self._tell(authority, str(answer.status))
        return answer

    async def _follow(self, client: httpx.AsyncClient, hop: _Hop, redirects: int) -> Answer:
        here = endpoint_of_url(hop.url)
        for _ in range(redirects + 1):
            answer = await self._once(client, hop)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECT_CODES or not location:
                return answer
            if hop.method not in ("GET", "HEAD"):
                raise BadAnswer(f"{here.authority} redirects a {hop.method}")
            hop = replace(hop, url=urljoin(hop.url, location))
            there = endpoint_of_url(hop.url)
            if there.scheme == "http" and here.scheme == "https":
                raise NotAllowed(f"{here.authority} redirects to a server without TLS")
            if there != here:
                hop = replace(hop, headers=_without_authorization(hop.headers))
            here = there
        raise BadAnswer(f"{here.authority} redirects too often")

    async def _once(self, client: httpx.AsyncClient, hop: _Hop) -> Answer:
        endpoint = endpoint_of_url(hop.url)
        self._check_scheme(endpoint)
        request = client.build_request(
            hop.method, hop.url, headers=dict(hop.headers), content=hop.content
        )
        response = await client.send(request, stream=True)
        try:
            body = await _bounded(response, endpoint)
        finally:
            await response.aclose()
        lower = {name.lower(): value for name, value in response.headers.items()}
        return Answer(status=response.status_code, headers=lower, body=body, url=hop.url)

    def _check_scheme(self, endpoint: Endpoint) -> None:
        if endpoint.scheme == "http" and endpoint.authority not in self._policy.plain_http:
            raise NotAllowed(f"{endpoint.authority} is not listed for plain HTTP")


def _without_authorization(headers: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in headers.items() if name.lower() != "authorization"}


def _login_of(proxy: str) -> tuple[bytes, bytes] | None:
    """User and password of a proxy's URL, which httpcore leaves out."""
    parts = urlsplit(proxy)
    if parts.username is None:
        return None
    return unquote_to_bytes(parts.username), unquote_to_bytes(parts.password or "")


def _is_about_trust(error: BaseException) -> bool:
    """Whether a connection failed because nobody vouches for the other side's certificate."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


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
        try:
            addresses = await self._resolver.resolve(host.strip("[]"), port, timeout)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"{authority} cannot be looked up in time") from error
        checked = [self._policy.check_address(one, authority) for one in addresses]
        if not checked:
            raise httpcore.ConnectError(f"{authority} has no address")
        return await self._plain.connect_tcp(
            str(checked[0]), port, timeout, local_address, socket_options
        )
