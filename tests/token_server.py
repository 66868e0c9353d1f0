"""A real token server for a real registry: checks a password, signs what was asked for."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from controlplane.certificates import Authority
from controlplane.registry import TokenAuth

SERVICE, ISSUER = "test-registry", "test-issuer"
LIFE_S = 60


class TokenServer:
    """Use as a context manager. ``asked`` has the query and the user of each request."""

    def __init__(self, folder: Path, user: str, password: str) -> None:
        self._authority = Authority(folder)
        pair = self._authority.server("token-signer")
        key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key
        certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
        self._chain = base64.b64encode(
            certificate.public_bytes(serialization.Encoding.DER)
        ).decode()
        self._expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.asked: list[tuple[str, bool]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def auth(self) -> TokenAuth:
        """What the registry has to know."""
        return TokenAuth(
            realm=f"http://{self.address}/token",
            service=SERVICE,
            issuer=ISSUER,
            trusted=self._authority.certificate,
        )

    def token(self, repository: str, actions: tuple[str, ...] = ("pull", "push", "delete")) -> str:
        """A token that the registry believes."""
        now = int(time.time())
        claims = {
            "iss": ISSUER, "sub": "test", "aud": SERVICE, "iat": now, "nbf": now - 5,
            "exp": now + LIFE_S, "jti": secrets.token_hex(8),
            "access": [{"type": "repository", "name": repository, "actions": list(actions)}],
        }  # fmt: skip
        header = {"typ": "JWT", "alg": "ES256", "x5c": [self._chain]}
        text = f"{_segment(header)}.{_segment(claims)}"
        r, s = decode_dss_signature(self._key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{_encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                known = self.headers.get("Authorization") == server._expected
                server.asked.append((urlsplit(self.path).query, known))
                kind, _, rest = query.get("scope", [""])[0].partition(":")
                repository, _, actions = rest.rpartition(":")
                if not known or kind != "repository":
                    self.send_response(401)
                    self.end_headers()
                    return
                token = server.token(repository, tuple(actions.split(",")))
                body = json.dumps({"token": token, "expires_in": LIFE_S}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        return Handler


def _segment(document: object) -> str:
    return _encoded(json.dumps(document, separators=(",", ":")).encode())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
