"""The pods of each target, as their watch tells. No history, no objects: small values only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pinnedrelease.cluster.pods import OwnedPod
from pinnedrelease.core.pin import Target
from pinnedrelease.core.pods import Pod
from pinnedrelease.core.workload import Workload

Place = tuple[str, Target]
SYNC_S = 20.0


class PodIndex:
    """Answers: which pods has this workload? Wakes its PinnedReleases when one of them changes."""

    def __init__(
        self, watches: int, wake: Callable[[str, Target], None], is_wanted: Callable[[Place], bool]
    ) -> None:
        self._pending = watches
        self._wake = wake
        self._is_wanted = is_wanted
        self._pods: dict[Place, dict[str, OwnedPod]] = {}
        self._allowed = True
        self._settled = asyncio.Event()

    async def wait(self) -> None:
        """Wait for the first list of each watch, but not for ever."""
        try:
            async with asyncio.timeout(SYNC_S):
                await self._settled.wait()
        except TimeoutError:
            return

    def pods_of(self, namespace: str, workload: Workload) -> tuple[Pod, ...] | None:
        """The pods of a workload; None when pods are not known."""
        if not self._allowed or self._pending > 0:
            return None
        found = self._pods.get((namespace, workload.target), {})
        return tuple(one.pod for one in found.values() if one.belongs_to(workload))

    def replace_all(self, namespace: str | None, pods: list[OwnedPod]) -> None:
        """These are all pods of a namespace, or of all of them."""
        before = {
            place: owned
            for place, owned in self._pods.items()
            if namespace is None or place[0] == namespace
        }
        for place in before:
            del self._pods[place]
        for one in pods:
            self._put(one)
        if self._pending > 0:
            self._pending -= 1
            if self._pending == 0:
                self._settled.set()
        self._allowed = True
        touched = before.keys() | {(one.namespace, one.target) for one in pods}
        for place in touched:
            if before.get(place) != self._pods.get(place):
                self._tell(place)

    def changed(self, pod: OwnedPod) -> None:
        """This pod has been added or has changed."""
        place = (pod.namespace, pod.target)
        before = self._pods.get(place, {}).get(pod.pod.uid)
        if before != pod:
            self._put(pod)
            self._tell(place)

    def gone(self, pod: OwnedPod) -> None:
        """This pod is gone."""
        place = (pod.namespace, pod.target)
        owned = self._pods.get(place, {})
        owned.pop(pod.pod.uid, None)
        if not owned:
            self._pods.pop(place, None)
        self._tell(place)

    def not_allowed(self) -> None:
        """Pods may not be read: workloads' own reports have to do."""
        self._allowed = False
        self._settled.set()

    def __len__(self) -> int:
        return sum(map(len, self._pods.values()))

    def _put(self, pod: OwnedPod) -> None:
        self._pods.setdefault((pod.namespace, pod.target), {})[pod.pod.uid] = pod

    def _tell(self, place: Place) -> None:
        if self._is_wanted(place):
            self._wake(*place)
