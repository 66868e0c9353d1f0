"""The pods of each target, as their watch tells. No history, no objects: small values only."""

from __future__ import annotations

from collections.abc import Callable

from pinnedrelease.cluster.pods import OwnedPod
from pinnedrelease.controller.first_lists import FirstLists
from pinnedrelease.core.pin import Target
from pinnedrelease.core.pods import Pod
from pinnedrelease.core.workload import Workload

Place = tuple[str, Target]


class PodIndex:
    """Answers: which pods has this workload? Wakes its PinnedReleases when one of them changes."""

    def __init__(
        self, watches: int, wake: Callable[[str, Target], None], is_wanted: Callable[[Place], bool]
    ) -> None:
        self.first_lists = FirstLists(watches)
        self._wake = wake
        self._is_wanted = is_wanted
        self._pods: dict[Place, dict[str, OwnedPod]] = {}
        self._places: dict[str, Place] = {}
        """By the uid of a pod: an event may tell no more than that it has no owner any longer."""
        self._listed: set[str | None] = set()
        """The namespaces, or None for all of them, whose pods are known: listed, and allowed."""

    def pods_of(self, namespace: str, workload: Workload) -> tuple[Pod, ...] | None:
        """The pods of a workload; None when pods are not known."""
        if self._listed.isdisjoint((namespace, None)):
            return None
        found = self._pods.get((namespace, workload.target), {})
        return tuple(one.pod for one in found.values() if one.belongs_to(workload))

    def replace_all(self, namespace: str | None, items: list[OwnedPod]) -> None:
        """These are all pods of a namespace, or of all of them."""
        before = {
            place: owned
            for place, owned in self._pods.items()
            if namespace is None or place[0] == namespace
        }
        for place, owned in before.items():
            del self._pods[place]
            for uid in owned:
                self._places.pop(uid, None)
        for one in items:
            self._put(one)
        self.first_lists.one_came(namespace)
        self._listed.add(namespace)
        touched = before.keys() | {(one.namespace, one.target) for one in items}
        for place in touched:
            if before.get(place) != self._pods.get(place):
                self._tell(place)

    def changed(self, item: OwnedPod) -> None:
        """This pod has been added or has changed."""
        place, uid = (item.namespace, item.target), item.pod.uid
        if self._places.get(uid, place) != place:
            self.of_no_interest(uid)
        before = self._pods.get(place, {}).get(uid)
        if before != item:
            self._put(item)
            self._tell(place)

    def gone(self, item: OwnedPod) -> None:
        """This pod is gone."""
        self.of_no_interest(item.pod.uid)

    def of_no_interest(self, uid: str) -> None:
        """The pod of this uid, if there is one, is no workload's any more."""
        place = self._places.pop(uid, None)
        if place is None:
            return
        owned = self._pods[place]
        del owned[uid]
        if not owned:
            del self._pods[place]
        self._tell(place)

    def not_allowed(self, namespace: str | None) -> None:
        """Pods may not be read there: workloads' own reports have to do."""
        self._listed.discard(namespace)
        self.first_lists.give_up()

    def __len__(self) -> int:
        return sum(map(len, self._pods.values()))

    def _put(self, pod: OwnedPod) -> None:
        place = (pod.namespace, pod.target)
        self._pods.setdefault(place, {})[pod.pod.uid] = pod
        self._places[pod.pod.uid] = place

    def _tell(self, place: Place) -> None:
        if self._is_wanted(place):
            self._wake(*place)
