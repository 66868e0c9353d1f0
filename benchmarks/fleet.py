"""Many Deployments with simulated pods, and the PinnedReleases that pin them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from controlplane.plane import ControlPlane
from objects import DIGEST_A, REPOSITORY, Manifest, deployment, pinned_release

NAMESPACES = 20
WRITERS = 8
POLL_S, LONGEST_POLL_S = 5.0, 60.0
PAGE = 500
WAIT_S = 1800.0
PINNED = f"{REPOSITORY}@{DIGEST_A}"


class Fleet:
    """``size`` Deployments in some namespaces, each with pods that run the pinned image."""

    def __init__(self, plane: ControlPlane, replicas: int, image: str = PINNED) -> None:
        self._plane = plane
        self._replicas = replicas
        self._image = image
        self.size = 0
        self.pinned = 0
        """Up to which number there have been PinnedReleases."""
        self._unpinned = 0
        for number in range(NAMESPACES):
            plane.kubectl("create", "namespace", fleet_namespace(number))

    def grow(self, size: int) -> None:
        """Add Deployments up to ``size`` and wait for their controllers and pods."""
        self._create(
            "/apis/apps/v1/namespaces/{}/deployments",
            ((number, self._deployment(number)) for number in range(self.size, size)),
        )
        self.size = size
        self._wait(self._ready_deployments, size)

    def pin(self, size: int) -> None:
        """Add PinnedReleases for the Deployments up to ``size``."""
        self._create(
            "/apis/pinnedrelease.dev/v1alpha1/namespaces/{}/pinnedreleases",
            ((number, self._release(number)) for number in range(self.pinned, size)),
        )
        self.pinned = size

    def unpin(self, first: int) -> None:
        """Delete the PinnedReleases from ``first`` on; their Deployments stay as they are."""
        path = "/apis/pinnedrelease.dev/v1alpha1/namespaces/{}/pinnedreleases/{}"
        with self._plane.client() as client:
            for number in range(first, self.pinned):
                one = path.format(fleet_namespace(number), fleet_name(number))
                client.delete(one).raise_for_status()
        self._unpinned += self.pinned - first

    def age(self, entries: int) -> None:
        """Give every PinnedRelease a history of so many entries, as months of releases leave it."""
        path = "/apis/pinnedrelease.dev/v1alpha1"
        items = list(self._items(f"{path}/pinnedreleases"))
        with self._plane.client() as client, ThreadPoolExecutor(WRITERS) as threads:

            def write(one: dict[str, Any]) -> None:
                metadata = one["metadata"]
                of_namespace = f"{path}/namespaces/{metadata['namespace']}/pinnedreleases"
                client.patch(
                    f"{of_namespace}/{metadata['name']}/status",
                    params={"fieldManager": "pinnedrelease-controller"},
                    headers={"Content-Type": "application/merge-patch+json"},
                    json={"status": _aged(one["status"]["history"], entries)},
                ).raise_for_status()

            for _ in threads.map(write, items):
                pass

    def wait_pinned(self) -> None:
        """Wait until every PinnedRelease is Ready."""
        self._wait(self._ready_releases, self.pinned - self._unpinned)

    def _deployment(self, number: int) -> Manifest:
        images = {"web": self._image}
        return deployment(fleet_name(number), images=images, replicas=self._replicas)

    def _release(self, number: int) -> Manifest:
        name = fleet_name(number)
        return pinned_release(name, target=name, registry={"check": "None"})

    def _create(self, path: str, manifests: Iterator[tuple[int, Manifest]]) -> None:
        with self._plane.client() as client, ThreadPoolExecutor(WRITERS) as threads:

            def post(item: tuple[int, Manifest]) -> None:
                number, manifest = item
                client.post(path.format(fleet_namespace(number)), json=manifest).raise_for_status()

            for _ in threads.map(post, manifests):
                pass

    def _ready_deployments(self) -> int:
        statuses = (
            one.get("status", {})
            for one in self._items("/apis/apps/v1/deployments")
            if one["metadata"]["name"].startswith("web-")
        )
        return sum(
            "observedGeneration" in status and status.get("availableReplicas", 0) >= self._replicas
            for status in statuses
        )

    def _ready_releases(self) -> int:
        return sum(
            condition["type"] == "Ready" and condition["status"] == "True"
            for one in self._items("/apis/pinnedrelease.dev/v1alpha1/pinnedreleases")
            for condition in one.get("status", {}).get("conditions", [])
        )

    def _items(self, path: str) -> Iterator[Any]:
        query = {"limit": str(PAGE)}
        with self._plane.client() as client:
            while True:
                page = client.get(path, params=query, timeout=60).raise_for_status().json()
                yield from page["items"]
                following = page["metadata"].get("continue")
                if not following:
                    return
                query = {"limit": str(PAGE), "continue": following}

    def _wait(self, count: Callable[[], int], wanted: int) -> None:
        began_s = time.monotonic()
        at_first = reached = count()
        while reached < wanted:
            gone_s = time.monotonic() - began_s
            told = f"{reached} of {wanted} after {gone_s:.0f} s"
            if gone_s > WAIT_S:
                raise TimeoutError(told)
            print(f"  {told}", flush=True)
            time.sleep(_rest_s(gone_s, done=reached - at_first, left=wanted - reached))
            reached = count()


def _rest_s(gone_s: float, *, done: int, left: int) -> float:
    """Until half of what is left should be done: a count of 10,000 holds up what it waits for."""
    expected_s = gone_s * left / done if done else 0.0
    return min(max(expected_s / 2, POLL_S), LONGEST_POLL_S)


def _aged(history: list[dict[str, Any]], entries: int) -> dict[str, Any]:
    """A status with older entries behind the newest one, a day each."""
    newest = history[0]
    since = datetime.fromisoformat(newest["deployTime"])

    def day(number: int) -> str:
        return (since - timedelta(days=entries - number)).isoformat().replace("+00:00", "Z")

    older = [
        {
            **newest,
            "revision": number,
            "tag": f"0.{number}",
            "digest": f"sha256:{number:064x}",
            "deployTime": day(number),
            "readyTime": day(number),
            "supersedeTime": day(number + 1),
            "result": "Succeeded",
        }
        for number in range(entries - 1, 0, -1)
    ]
    return {"revision": entries, "history": [{**newest, "revision": entries}, *older]}


def fleet_namespace(number: int) -> str:
    """Where the object of this number is."""
    return f"fleet-{number % NAMESPACES}"


def fleet_name(number: int) -> str:
    """What the object of this number is called."""
    return f"web-{number}"
