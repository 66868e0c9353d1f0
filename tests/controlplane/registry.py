"""A real OCI registry (distribution) on loopback, and images to put into it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from controlplane.certificates import KeyPair
from controlplane.processes import Child, ProcessFailed, free_port

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
READY_S = 20.0
STARTS = 3
"""A free port can be taken between being found and being used: then start again on another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedImage:
    """What a push left in the registry: by os/architecture the manifests and configurations."""

    digest: str
    platforms: dict[str, str]
    configs: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAuth:
    """Where the registry sends its clients for tokens, and whose tokens it believes."""

    realm: str
    service: str
    issuer: str
    trusted: Path
    """The certificate of the authority behind the tokens' signatures."""


class Registry:
    """One registry. Use as a context manager; ready when entered."""

    def __init__(
        self,
        program: Path,
        folder: Path,
        *,
        htpasswd: str | None = None,
        tls: KeyPair | None = None,
        credentials: tuple[str, str] | None = None,
        token: TokenAuth | None = None,
        bearer: Callable[[str], str] | None = None,
    ) -> None:
        self._program = program
        self._folder = folder
        self._htpasswd = htpasswd
        self._tls = tls
        self._credentials = credentials
        self._token = token
        self._bearer = bearer
        """For pushes to a registry with token authentication: repository -> token."""
        self.address = f"127.0.0.1:{free_port()}"
        self._child: Child | None = None

    def __enter__(self) -> Self:
        try:
            for attempt in range(1, STARTS + 1):
                try:
                    self._start()
                except ProcessFailed as error:
                    if attempt == STARTS or "address already in use" not in str(error):
                        raise
                    self.close()
                    self.address = f"127.0.0.1:{free_port()}"
                else:
                    break
        except BaseException:
            self.close()
            raise
        return self

    def _start(self) -> None:
        self._folder.mkdir(parents=True)
        configuration = self._folder / "config.json"
        configuration.write_text(json.dumps(self._configuration()))
        self._run()

    def _run(self) -> None:
        configuration = self._folder / "config.json"
        self._child = Child(
            "registry",
            [self._program, "serve", configuration],
            self._folder / "registry.log",
            environment={"OTEL_TRACES_EXPORTER": "none"},
        )
        self._child.wait_until(self._is_ready, READY_S)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop it and throw its data away."""
        if self._child is not None:
            self._child.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def push_image(
        self,
        repository: str,
        tag: str,
        content: bytes,
        platforms: tuple[str, ...] = ("linux/amd64",),
    ) -> PushedImage:
        """Push a small valid image with this content; an index when it has several platforms."""
        manifests = {
            platform: self._push_manifest(repository, content, platform) for platform in platforms
        }
        digests = {platform: digest for platform, (digest, _) in manifests.items()}
        configs = {
            platform: str(json.loads(raw)["config"]["digest"])
            for platform, (_, raw) in manifests.items()
        }
        if len(manifests) == 1:
            digest, raw = next(iter(manifests.values()))
            self._put_manifest(repository, tag, raw, MANIFEST)
            return PushedImage(digest=digest, platforms=digests, configs=configs)
        index = {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [
                {
                    "mediaType": MANIFEST,
                    "digest": digest,
                    "size": len(raw),
                    "platform": dict(
                        zip(("os", "architecture"), platform.split("/", 1), strict=True)
                    ),
                }
                for platform, (digest, raw) in manifests.items()
            ],
        }
        raw_index = _compact(index)
        self._put_manifest(repository, tag, raw_index, INDEX)
        return PushedImage(digest=_sha256(raw_index), platforms=digests, configs=configs)

    def tag(self, repository: str, digest: str, tag: str) -> None:
        """Let a tag point to this digest."""
        with self._client(repository) as client:
            found = client.get(
                f"/v2/{repository}/manifests/{digest}", headers={"Accept": f"{MANIFEST}, {INDEX}"}
            )
            found.raise_for_status()
        self._put_manifest(repository, tag, found.content, found.headers["Content-Type"])

    def delete(self, repository: str, digest: str) -> None:
        """Delete a manifest by digest."""
        with self._client(repository) as client:
            client.delete(f"/v2/{repository}/manifests/{digest}").raise_for_status()

    def resolve(self, repository: str, reference: str) -> str | None:
        """The digest that the registry names for a tag or digest, or None."""
        with self._client(repository) as client:
            found = client.head(
                f"/v2/{repository}/manifests/{reference}",
                headers={"Accept": f"{MANIFEST}, {INDEX}"},
            )
        digest: str | None = found.headers.get("Docker-Content-Digest")
        return digest if found.is_success else None

    def requests(self, user_agent: str = "pinnedrelease/") -> list[str]:
        """``METHOD path status`` of the requests of one kind of client, from the access log."""
        log = (self._folder / "registry.log").read_text(errors="replace")
        found = re.findall(r'"([A-Z]+ \S+) HTTP/[0-9.]+" (\d+) \d+ "[^"]*" "([^"]*)"', log)
        return [f"{what} {status}" for what, status, agent in found if user_agent in agent]

    def stop(self) -> None:
        """Stop serving; the data stays."""
        assert self._child is not None
        self._child.stop()

    def start_again(self) -> None:
        """Serve again after :meth:`stop`, at the same address with the same data."""
        self._run()

    def _push_manifest(self, repository: str, content: bytes, platform: str) -> tuple[str, bytes]:
        system, architecture = platform.split("/", 1)
        layer = _layer(content + platform.encode())
        config = _compact(
            {
                "os": system,
                "architecture": architecture,
                "rootfs": {"type": "layers", "diff_ids": [_sha256(gzip.decompress(layer))]},
                "config": {},
            }
        )
        for blob in (layer, config):
            self._push_blob(repository, blob)
        raw = _compact(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"mediaType": CONFIG, "digest": _sha256(config), "size": len(config)},
                "layers": [{"mediaType": LAYER, "digest": _sha256(layer), "size": len(layer)}],
            }
        )
        digest = _sha256(raw)
        self._put_manifest(repository, digest, raw, MANIFEST)
        return digest, raw

    def _push_blob(self, repository: str, blob: bytes) -> None:
        with self._client(repository) as client:
            started = client.post(f"/v2/{repository}/blobs/uploads/")
            started.raise_for_status()
            location = httpx.URL(started.headers["Location"])
            target = location.copy_merge_params({"digest": _sha256(blob)})
            client.put(target, content=blob).raise_for_status()

    def _put_manifest(self, repository: str, reference: str, raw: bytes, media_type: str) -> None:
        with self._client(repository) as client:
            client.put(
                f"/v2/{repository}/manifests/{reference}",
                content=raw,
                headers={"Content-Type": media_type},
            ).raise_for_status()

    def _client(self, repository: str = "") -> httpx.Client:
        scheme = "https" if self._tls else "http"
        bearer = self._bearer(repository) if self._bearer and repository else None
        return httpx.Client(
            base_url=f"{scheme}://{self.address}",
            auth=self._credentials,
            headers={"Authorization": f"Bearer {bearer}"} if bearer else {},
            verify=False,  # noqa: S501 - our own registry on loopback
            timeout=10.0,
            trust_env=False,
        )

    def _is_ready(self) -> bool:
        try:
            with self._client() as client:
                return client.get("/v2/").status_code in (200, 401)
        except httpx.TransportError:
            return False

    def _configuration(self) -> dict[str, object]:
        http: dict[str, object] = {"addr": self.address, "secret": "one test registry"}
        if self._tls is not None:
            http["tls"] = {
                "certificate": str(self._tls.certificate),
                "key": str(self._tls.key),
            }
        configuration: dict[str, object] = {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": False}},
            "storage": {
                "filesystem": {"rootdirectory": str(self._folder / "data")},
                "delete": {"enabled": True},
                "cache": {"blobdescriptor": "inmemory"},
            },
            "http": http,
        }
        if self._htpasswd is not None:
            users = self._folder / "htpasswd"
            users.write_text(self._htpasswd)
            configuration["auth"] = {"htpasswd": {"realm": "test", "path": str(users)}}
        if self._token is not None:
            configuration["auth"] = {
                "token": {
                    "realm": self._token.realm,
                    "service": self._token.service,
                    "issuer": self._token.issuer,
                    "rootcertbundle": str(self._token.trusted),
                }
            }
        return configuration


def _layer(content: bytes) -> bytes:
    """A layer with one file. No times in it: the same content gives the same digest."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("content")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0)


def _compact(document: dict[str, object]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
