"""When which image became visible in a Deployment, as any watcher of the API server sees it."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx

from controlplane.plane import ControlPlane


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A Deployment's first container had this image at this monotonic time."""

    name: str
    image: str
    at_s: float


class ImageWatch:
    """Watches the Deployments of a namespace in a thread. Use as a context manager."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self._client = plane.client()
        self._path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        self._thread = threading.Thread(target=self._run, name="image-watch", daemon=True)
        self._changed = threading.Condition()
        self._sightings: list[Sighting] = []
        self._closing = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing = True
        self._client.close()

    def wait_for(self, name: str, image: str, after_s: float, timeout_s: float = 20.0) -> float:
        """The time at which the image was seen first after a moment. Raises TimeoutError."""
        with self._changed:
            found = self._changed.wait_for(lambda: self._first(name, image, after_s), timeout_s)
        if found is None:
            raise TimeoutError(f"{name} did not get {image} within {timeout_s} s")
        return found.at_s

    def _first(self, name: str, image: str, after_s: float) -> Sighting | None:
        return next(
            (
                one
                for one in self._sightings
                if one.at_s >= after_s and (one.name, one.image) == (name, image)
            ),
            None,
        )

    def _run(self) -> None:
        try:
            with self._client.stream(
                "GET", self._path, params={"watch": "true"}, timeout=None
            ) as answer:
                for line in answer.iter_lines():
                    self._see(line)
        except (httpx.HTTPError, RuntimeError):
            if not self._closing:
                raise

    def _see(self, line: str) -> None:
        at_s = time.monotonic()
        deployment = json.loads(line)["object"]
        image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
        with self._changed:
            self._sightings.append(
                Sighting(name=deployment["metadata"]["name"], image=image, at_s=at_s)
            )
            self._changed.notify_all()
