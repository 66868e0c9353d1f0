"""Requests to the API server as programs send them, for tests that need many at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import yaml

from pinnedrelease.tls import client_context

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


class ApiClient:
    """One client with the rights of a kubeconfig. Use as a context manager."""

    def __init__(self, kubeconfig: Path, authority: Path) -> None:
        document: Any = yaml.safe_load(kubeconfig.read_text())
        user = document["users"][0]["user"]
        self._http = httpx.Client(
            base_url=document["clusters"][0]["cluster"]["server"],
            verify=client_context(authority_file=str(authority)),
            headers={"Authorization": f"Bearer {user['token']}"},
            timeout=30.0,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.close()

    def get(self, path: str) -> Any:
        """An object as JSON."""
        answer = self._http.get(path)
        answer.raise_for_status()
        return answer.json()

    def patch(
        self, path: str, body: object, kind: str, query: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """A patch of some kind."""
        return self._http.patch(
            path, content=json.dumps(body), headers={"Content-Type": kind}, params=query
        )

    def put(self, path: str, body: object) -> httpx.Response:
        """Replace an object."""
        return self._http.put(path, json=body)

    def post(self, path: str, body: object) -> httpx.Response:
        """Create an object."""
        return self._http.post(path, json=body)

    def delete(self, path: str) -> httpx.Response:
        """Delete an object."""
        return self._http.delete(path)
