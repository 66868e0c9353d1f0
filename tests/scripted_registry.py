"""A registry that answers as its script says, on loopback and in this process.

For faults and for shapes of answers that no real registry here gives. What it is told to answer
is compared with a real registry in tests/integration/test_registry_room.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request that arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What to answer. ``stream`` writes the body itself, as slowly or as long as it likes."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    stream: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None


Script = Callable[[Seen], Reply]


class ScriptedRegistry:
    """Use as an async context manager; ``seen`` has all requests in order."""

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.port = 0
        self.seen: list[Seen] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    @property
    def address(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self.port}"

    def asked(self, method: str) -> list[str]:
        """The paths that were asked for with one method."""
        return [one.path for one in self.seen if one.method == method]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            while (request := await _read(reader)) is not None:
                self.seen.append(request)
                await _answer(writer, request, self._script(request))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            writer.close()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Seen | None:
    line = await reader.readline()
    if not line:
        return None
    method, path, _ = line.decode().split(" ", 2)
    headers: dict[str, str] = {}
    while (line := await reader.readline()).strip():
        name, _, value = line.decode().partition(":")
        headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(method=method, path=path, headers=headers, body=body)


async def _answer(writer: asyncio.StreamWriter, request: Seen, reply: Reply) -> None:
    headers = {"Content-Length": str(len(reply.body)), **reply.headers}
    if reply.stream is not None:
        headers.pop("Content-Length")
        headers["Connection"] = "close"
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"HTTP/1.1 {reply.status} Scripted\r\n{head}\r\n".encode())
    if request.method != "HEAD":
        writer.write(reply.body)
        if reply.stream is not None:
            await reply.stream(writer)
    await writer.drain()
    if reply.stream is not None:
        writer.close()


def sha256(raw: bytes) -> str:
    """The digest of bytes."""
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def manifest(content: str = "one") -> bytes:
    """A small valid image manifest."""
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": sha256(content.encode()),
            "size": 2,
        },
        "layers": [],
    }
    return json.dumps(document).encode()


def found(raw: bytes, media_type: str = MANIFEST, **headers: str) -> Reply:
    """The answer of a well-behaved registry."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(
        headers={"Content-Type": media_type, "Docker-Content-Digest": sha256(raw), **named},
        body=raw,
    )


def failed(status: int, *codes: str, message: str = "", **headers: str) -> Reply:
    """An error in the words of the specification; without codes, an HTML page."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if not codes:
        return Reply(
            status=status,
            headers={"Content-Type": "text/html", **named},
            body=b"<html>no such page</html>",
        )
    body = {"errors": [{"code": code, "message": message, "detail": None} for code in codes]}
    return Reply(
        status=status,
        headers={"Content-Type": "application/json", **named},
        body=json.dumps(body).encode(),
    )
