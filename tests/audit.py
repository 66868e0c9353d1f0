"""Judges writes from the API server's audit log, never from the operator's own words."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
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
    received_at: datetime
    finished_at: datetime

    @property
    def is_write(self) -> bool:
        """Whether it may have changed something."""
        return self.verb not in READS


class AuditLog:
    """The requests of one user since a moment, in one namespace or in all."""

    def __init__(self, path: Path, user: str, namespace: str | None = None) -> None:
        self._path = path
        self._user = user
        self._namespace = namespace
        self._offset = path.stat().st_size

    def restart(self) -> None:
        """Forget what has been so far."""
        self._offset = self._path.stat().st_size

    def requests(self) -> list[AuditedRequest]:
        """All requests of the user since the start."""
        return [
            request
            for request in self._read()
            if request.user == self._user and self._namespace in (None, request.namespace)
        ]

    def writes(self, resource: str | None = None) -> list[AuditedRequest]:
        """The user's accepted writes since the start, optionally of one resource."""
        return [
            request
            for request in self.requests()
            if request.is_write
            and request.code < 300
            and (resource is None or request.resource == resource)
        ]

    def answer_s(
        self, namespace: str, name: str, *, to: str = "deployments", timeout_s: float = 20.0
    ) -> float:
        """How long it took until this user wrote a Deployment after somebody else's change.

        From the end of the last patch of the object of that name by another user (a Deployment,
        or what ``to`` says) to the end of this user's first patch of the Deployment after it, by
        the API server's own clock. A watch tells of a change before its own request has ended, so
        the answer may come first: that is zero. Raises TimeoutError.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            patches = [
                one
                for one in self._read()
                if (one.namespace, one.name, one.verb) == (namespace, name, "patch")
                and one.code < 300
            ]
            changes = [one for one in patches if one.user != self._user and one.resource == to]
            change = max(changes, key=lambda one: one.received_at, default=None)
            answered_at = [
                one.finished_at
                for one in patches
                if one.user == self._user
                and one.resource == "deployments"
                and change is not None
                and one.received_at > change.received_at
            ]
            if change is not None and answered_at:
                return max((min(answered_at) - change.finished_at).total_seconds(), 0.0)
            time.sleep(0.02)
        raise TimeoutError(f"{name} was not written within {timeout_s} s")

    def _read(self) -> Iterator[AuditedRequest]:
        with self._path.open("rb") as log:
            assert log.seek(0, os.SEEK_END) >= self._offset, "rotated: requests are missing"
            log.seek(max(self._offset - 1, 0))
            if self._offset:
                # On a busy server a line was being written at the start: it is of before.
                log.readline()
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
                    received_at=datetime.fromisoformat(event["requestReceivedTimestamp"]),
                    finished_at=datetime.fromisoformat(event["stageTimestamp"]),
                )
