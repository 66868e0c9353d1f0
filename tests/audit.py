"""Judges writes from the API server's audit log, never from the operator's own words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

READS = frozenset({"get", "list", "watch"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedRequest:
    """One finished request."""

    user: str
    verb: str
    resource: str
    namespace: str
    name: str
    code: int

    @property
    def is_write(self) -> bool:
        """Whether it may have changed something."""
        return self.verb not in READS


class AuditLog:
    """The requests of one user since a moment."""

    def __init__(self, path: Path, user: str) -> None:
        self._path = path
        self._user = user
        self._offset = path.stat().st_size

    def restart(self) -> None:
        """Forget what has been so far."""
        self._offset = self._path.stat().st_size

    def requests(self) -> list[AuditedRequest]:
        """All requests of the user since the start."""
        return [request for request in self._read() if request.user == self._user]

    def writes(self, resource: str | None = None) -> list[AuditedRequest]:
        """The user's accepted writes since the start, optionally of one resource."""
        return [
            request
            for request in self.requests()
            if request.is_write
            and request.code < 300
            and (resource is None or request.resource == resource)
        ]

    def _read(self) -> Iterator[AuditedRequest]:
        with self._path.open("rb") as log:
            log.seek(self._offset)
            for line in log:
                if not line.endswith(b"\n"):
                    return
                event = json.loads(line)
                reference = event.get("objectRef", {})
                subresource = reference.get("subresource")
                suffix = f"/{subresource}" if subresource else ""
                yield AuditedRequest(
                    user=event["user"]["username"],
                    verb=event["verb"],
                    resource=f"{reference.get('resource', '')}{suffix}",
                    namespace=reference.get("namespace", ""),
                    name=reference.get("name", ""),
                    code=event.get("responseStatus", {}).get("code", 0),
                )
