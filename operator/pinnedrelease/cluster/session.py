"""One HTTP session for kopf's watches, our reads and our writes; every answer typed or an error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partialmethod
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp
import orjson

from pinnedrelease import __version__
from pinnedrelease.cluster.configuration import ClusterAccess
from pinnedrelease.cluster.document import Document
from pinnedrelease.cluster.errors import (
    CertificateRefused,
    ClusterError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    MalformedDocument,
    NotFound,
    Unavailable,
)
from pinnedrelease.cluster.watch_book import WatchBook

DEADLINE_S = 5.0
LIST_DEADLINE_S = 30.0
"""For a page of a list: a busy server takes longer to make five hundred objects than one."""
KEEPALIVE_S = 30.0
WATCH_S = 290
WATCH_GRACE_S = 30
WATCH_SILENCE_S = 80.0
"""Bookmarks come about once a minute: a watch that is silent for longer is dead."""
MESSAGE_LIMIT = 300
LONGEST_PAUSE_S = 30.0
"""However long a busy server wants to be left alone: drift must be put right some time."""
PROBE = {"limit": "1"}
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class _Answer(aiohttp.ClientResponse):
    """What kopf reads its lists with: orjson takes a third of the time."""

    json = partialmethod(aiohttp.ClientResponse.json, loads=orjson.loads)


class Session:
    """Requests to the API server. Each has a deadline; none is repeated here.

    A lost answer to a write is resolved by reading again, never by sending again.
    """

    def __init__(
        self,
        access: ClusterAccess,
        tell: Callable[[str, str, str], None] = lambda _method, _host, _code: None,
    ) -> None:
        """``tell`` hears of each request: method, host and status, or ``<error>`` without one."""
        self._access = access
        self._tell = tell
        self._http: aiohttp.ClientSession | None = None
        self._opened: list[aiohttp.ClientSession] = []
        self.watches = WatchBook()
        self._pause_until_s = 0.0

    @property
    def server(self) -> str:
        """The API server's URL."""
        return self._access.server

    def renew(self) -> aiohttp.ClientSession:
        """A fresh HTTP session, from now on used by everyone.

        kopf closes its session when the server answers 401, and then asks for another.
        """
        self._access.tokens.forget()
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                # Watches hold their connections for ever; a limit would starve the writes.
                limit=0,
                ssl=self._access.tls,
                keepalive_timeout=KEEPALIVE_S,
            ),
            trust_env=False,
            proxy=self._access.proxy,
            headers={"User-Agent": f"pinnedrelease/{__version__}"},
            middlewares=(self._authorize,),
            response_class=_Answer,
        )
        self._opened = [one for one in self._opened if not one.closed] + [self._http]
        return self._http

    async def close(self) -> None:
        """Close the connections."""
        for http in self._opened:
            await http.close()

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Document:
        """Read one object or list. Raises a ClusterError."""
        return await self._request("GET", path, query=query)

    async def probe(self, path: str) -> None:
        """Ask for one object, to see whether there is an answer. Raises a ClusterError."""
        await self._request("GET", path, query=PROBE)

    async def list_metadata(self, path: str, query: Mapping[str, str]) -> Document:
        """Read a list with nothing but the metadata of its objects. Raises a ClusterError."""
        return await self._request("GET", path, query=query, accept=METADATA_LIST)

    async def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[Document]:
        """The events of a collection, one after the other, until the server ends the watch.

        Raises Gone, Unavailable when nothing at all came for a while, and other ClusterErrors.
        """
        http = self._http if self._http is not None and not self._http.closed else self.renew()
        timeout = aiohttp.ClientTimeout(
            total=WATCH_S + WATCH_GRACE_S, connect=DEADLINE_S, sock_read=WATCH_SILENCE_S
        )
        asked = {**query, "watch": "true", "timeoutSeconds": str(WATCH_S)}
        try:
            async with http.get(self.server + path, params=asked, timeout=timeout) as response:
                if response.status >= HTTPStatus.BAD_REQUEST:
                    raise _refused("GET", path, response, await response.read())
                async for line in _lines(response.content):
                    yield _parsed(line, path)
        except (aiohttp.ClientError, TimeoutError, OSError, asyncio.CancelledError) as error:
            _pass_on_our_cancellation(error)
            reason = str(error) or type(error).__name__
            raise Unavailable(f"watch {path}: {reason}") from error

    async def patch(
        self, path: str, body: object, content_type: str, query: Mapping[str, str] | None = None
    ) -> Document:
        """Change one object. Raises a ClusterError. Only ``writer`` calls this."""
        return await self._request("PATCH", path, query=query, body=body, content_type=content_type)

    async def post(self, path: str, body: object) -> Document:
        """Create one object, or ask a review. Only ``writer`` and ``access_reviews`` call this."""
        return await self._request("POST", path, body=body)

    async def overwrite(self, path: str, body: object) -> Document:
        """Replace one object. Raises a ClusterError. Only ``writer`` calls this."""
        return await self._request("PUT", path, body=body)

    async def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Document:
        self._respect_pause(path)
        http = self._http if self._http is not None and not self._http.closed else self.renew()
        data = None if body is None else orjson.dumps(body)
        headers = {"Accept": accept}
        if data is not None:
            headers["Content-Type"] = content_type
        is_list = query is not None and query.get("limit", PROBE["limit"]) != PROBE["limit"]
        try:
            async with (
                asyncio.timeout(LIST_DEADLINE_S if is_list else DEADLINE_S),
                http.request(
                    method, self.server + path, params=query, data=data, headers=headers
                ) as response,
            ):
                raw = await response.read()
        except aiohttp.ClientConnectorCertificateError as error:
            raise CertificateRefused(f"{method} {path}: {error}") from error
        except (aiohttp.ClientError, TimeoutError, OSError, asyncio.CancelledError) as error:
            _pass_on_our_cancellation(error)
            reason = str(error) or type(error).__name__
            raise Unavailable(
                f"{method} {path}: no answer from the API server: {reason}"
            ) from error
        if response.status == HTTPStatus.UNAUTHORIZED:
            self._access.tokens.forget()
        if response.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._note_pause(_retry_after_s(response))
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise _refused(method, path, response, raw)
        return _parsed(raw, path)

    def _note_pause(self, seconds: float | None) -> None:
        """The server is busy and has said for how long: that is meant for every request."""
        if seconds is not None:
            until_s = asyncio.get_running_loop().time() + min(seconds, LONGEST_PAUSE_S)
            self._pause_until_s = max(self._pause_until_s, until_s)

    def _respect_pause(self, path: str) -> None:
        """Raises Unavailable during a pause. Leases have a queue of their own in the server."""
        left_s = self._pause_until_s - asyncio.get_running_loop().time()
        if left_s > 0 and "/leases" not in path:
            raise Unavailable(f"{path}: the API server asked for a pause", retry_after_s=left_s)

    async def _authorize(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        # Some servers stand behind a path of their own, Rancher's for one.
        path = request.url.path.removeprefix(urlsplit(self.server).path.rstrip("/"))
        query = request.url.query
        request.server_hostname = self._access.server_name
        is_watch = query.get("watch") == "true"
        if is_watch:
            await self.watches.wait_for_turn(path)
        token = await self._access.tokens.current()
        if token is not None:
            request.headers["Authorization"] = token
        code = "<error>"
        try:
            response = await handler(request)
            code = str(response.status)
        finally:
            self._tell(request.method, request.url.authority, code)
        if response.status == HTTPStatus.OK and request.method == "GET":
            if is_watch:
                self.watches.opened(path, response)
            elif query.get("limit") != PROBE["limit"]:
                self.watches.listed(path)
        return response


def is_being_cancelled() -> bool:
    """Whether somebody wants this task to end; else a CancelledError comes from inside of it.

    aiohttp cancels what is being looked up, for whomever, when a session is closed, and kopf closes
    it after a 401.
    """
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _pass_on_our_cancellation(error: BaseException) -> None:
    """Raise it again when this task is to end; else there is no answer, and that is all."""
    if isinstance(error, asyncio.CancelledError) and is_being_cancelled():
        raise error


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length: an object may be larger than the reader's own limit."""
    rest = b""
    async for piece in content.iter_any():
        *complete, rest = (rest + piece).split(b"\n")
        for line in complete:
            if line:
                yield line


def _parsed(raw: bytes, path: str) -> Document:
    try:
        return Document.of(orjson.loads(raw), path)
    except ValueError as error:
        raise MalformedDocument(f"{path}: the API server's answer is not JSON") from error


def _refused(method: str, path: str, response: aiohttp.ClientResponse, raw: bytes) -> ClusterError:
    """The error for a status of 400 and above, with the server's own words (kind Status)."""
    message, fields = _status_details(raw, path)
    text = f"{method} {path}: {response.status} {message}"[: MESSAGE_LIMIT + len(path)]
    # A body whose uid differs is answered as an attempt to change the uid: the object was replaced.
    replaced = response.status == HTTPStatus.UNPROCESSABLE_ENTITY and "metadata.uid" in fields
    if response.status == HTTPStatus.CONFLICT or replaced:
        return Conflict(text)
    by_status: dict[int, type[ClusterError]] = {
        HTTPStatus.BAD_REQUEST: Invalid,
        HTTPStatus.FORBIDDEN: Forbidden,
        HTTPStatus.NOT_FOUND: NotFound,
        HTTPStatus.GONE: Gone,
        HTTPStatus.UNPROCESSABLE_ENTITY: Invalid,
    }
    if response.status in by_status:
        return by_status[response.status](text)
    return Unavailable(text, retry_after_s=_retry_after_s(response))


def _status_details(raw: bytes, path: str) -> tuple[str, frozenset[str]]:
    try:
        status = _parsed(raw, path)
        causes = status.child("details").children("causes")
        fields = frozenset(cause.optional_text("field") or "" for cause in causes)
        return (status.optional_text("message") or "")[:MESSAGE_LIMIT], fields
    except MalformedDocument:
        return raw[:MESSAGE_LIMIT].decode("utf-8", "replace"), frozenset()


def _retry_after_s(response: aiohttp.ClientResponse) -> float | None:
    text = response.headers.get("Retry-After", "")
    return min(float(text), 3600.0) if text.isascii() and text.isdecimal() else None
