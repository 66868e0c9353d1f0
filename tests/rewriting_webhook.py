"""Somebody else's admission webhook, real but for its purpose: it moves images to a mirror."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from controlplane.certificates import Authority
from controlplane.cluster import Cluster

DEPLOYMENTS = ("apps", "deployments", "/spec/template/spec/containers")
PODS = ("", "pods", "/spec/containers")
"""API group, resource, and where in an object its containers are."""


@contextmanager
def rewriting(
    cluster: Cluster, namespace: str, folder: Path, of: tuple[str, str, str], host: str, mirror: str
) -> Iterator[None]:
    """While this lasts, whatever is stored has its images from the mirror instead of the host."""
    group, resource, way = of
    authority = Authority(folder / "webhook-pki")
    with _serving(authority, way, host, mirror) as address:
        hook = {
            "name": "images.mirror.example.com",
            "rules": [
                {
                    "apiGroups": [group],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": [resource],
                }
            ],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "clientConfig": {
                "url": f"https://{address}/",
                "caBundle": base64.b64encode(authority.certificate.read_bytes()).decode(),
            },
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
        }
        configuration = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": f"rewrites-{namespace}"},
            "webhooks": [hook],
        }
        cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(configuration))
        try:
            yield
        finally:
            name = f"mutatingwebhookconfigurations/rewrites-{namespace}"
            cluster.kubectl("delete", name, "--wait")


@contextmanager
def _serving(authority: Authority, way: str, host: str, mirror: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(_answer(review, way, host, mirror)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name
            """Say nothing."""

    tls, pair = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), authority.server("webhook")
    tls.load_cert_chain(pair.certificate, pair.key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(review: Mapping[str, Any], way: str, host: str, mirror: str) -> dict[str, object]:
    request = review["request"]
    containers = request["object"]
    for step in way.strip("/").split("/"):
        containers = containers[step]
    patch = [
        {
            "op": "replace",
            "path": f"{way}/{number}/image",
            "value": container["image"].replace(host, mirror, 1),
        }
        for number, container in enumerate(containers)
        if container["image"].startswith(host)
    ]
    response: dict[str, object] = {"uid": request["uid"], "allowed": True}
    if patch:
        encoded = base64.b64encode(json.dumps(patch).encode()).decode()
        response |= {"patchType": "JSONPatch", "patch": encoded}
    return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}
