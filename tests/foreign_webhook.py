"""Somebody else's admission webhook: it moves images to a mirror, breaks, or takes its time."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from controlplane.certificates import Authority
from controlplane.cluster import Cluster

Containers = list[dict[str, Any]]
Images = dict[int, str]
Behaviour = Callable[[Containers], Images]
"""What it says to the containers of an object: other images, by position."""

DEPLOYMENTS = ("apps", "deployments", "/spec/template/spec/containers")
PODS = ("", "pods", "/spec/containers")
"""API group, resource, and where in an object its containers are."""


def moving(host: str, mirror: str) -> Behaviour:
    """It takes images from a mirror."""

    def behave(containers: Containers) -> Images:
        images = [one["image"] for one in containers]
        return {
            number: image.replace(host, mirror, 1)
            for number, image in enumerate(images)
            if image.startswith(host)
        }

    return behave


def broken(_: Containers) -> Images:
    """It answers nothing that the API server could use."""
    raise RuntimeError


def slow(seconds: float) -> Behaviour:
    """It has nothing to say, and is long about it."""

    def behave(_: Containers) -> Images:
        time.sleep(seconds)
        return {}

    return behave


@contextmanager
def webhook(
    cluster: Cluster,
    namespace: str,
    folder: Path,
    behave: Behaviour,
    of: tuple[str, str, str] = DEPLOYMENTS,
    *,
    users: str = "",
) -> Iterator[None]:
    """While this lasts, it is asked about what is stored, by users whose names begin so."""
    group, resource, way = of
    authority = Authority(folder / "webhook-pki")
    with _serving(authority, way, behave) as address:
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
            "matchConditions": [
                {
                    "name": "users",
                    "expression": f"request.userInfo.username.startsWith({json.dumps(users)})",
                }
            ],
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
            "metadata": {"name": namespace},
            "webhooks": [hook],
        }
        cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(configuration))
        try:
            yield
        finally:
            cluster.kubectl("delete", "mutatingwebhookconfigurations", namespace, "--wait")


@contextmanager
def _serving(authority: Authority, way: str, behave: Behaviour) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                body = json.dumps(_answer(review, way, behave)).encode()
            except RuntimeError:
                self.send_error(500)
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name
            """Say nothing."""

    tls = authority.server("webhook").server_context()
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


def _answer(review: Any, way: str, behave: Behaviour) -> dict[str, object]:
    request = review["request"]
    containers = request["object"]
    for step in way.strip("/").split("/"):
        containers = containers[step]
    patch = [
        {"op": "replace", "path": f"{way}/{number}/image", "value": image}
        for number, image in behave(containers).items()
    ]
    response: dict[str, object] = {"uid": request["uid"], "allowed": True}
    if patch:
        encoded = base64.b64encode(json.dumps(patch).encode()).decode()
        response |= {"patchType": "JSONPatch", "patch": encoded}
    return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}
