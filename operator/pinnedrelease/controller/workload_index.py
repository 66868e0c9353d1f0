"""The newest workloads that are known: from their watches, and from the answers to our writes."""

from __future__ import annotations

from collections.abc import Callable

from pinnedrelease.cluster.workloads import PlacedWorkload
from pinnedrelease.controller.first_lists import FirstLists
from pinnedrelease.core.pin import Target, TargetKind
from pinnedrelease.core.workload import Workload
from pinnedrelease.reconcile.gather import Key, Watched
from pinnedrelease.reconcile.versions import is_newer

Place = tuple[str, Target]
"""A namespace and a workload in it."""


class WorkloadIndex:
    """Answers: what is this workload? Tells of each change that is news."""

    def __init__(self, watches: int, tell: Callable[[Place, Key | None], None]) -> None:
        """``tell`` hears of every workload that was listed anew, has changed, or is gone.

        And of the key whose own pass has brought that, for whom it is no news.
        """
        self.first_lists = FirstLists(watches)
        self._tell = tell
        self._known: dict[Place, Watched[Workload]] = {}
        self._ended: dict[Place, str] = {}
        """The version at which one was deleted or left out of a list: what is not newer is the
        late answer to a read or write of before. Kept until the next list."""

    def get(self, place: Place) -> Watched[Workload] | None:
        """The workload as far as is known; None when that has to be read."""
        return self._known.get(place)

    def version(self, place: Place) -> str | None:
        """Its resourceVersion."""
        known = self._known.get(place)
        return known.value.resource_version if known is not None else None

    def of(self, kind: TargetKind) -> WorkloadsOfKind:
        """What the watches of one kind tell."""
        return WorkloadsOfKind(self, kind)

    def stored(self, key: Key, workload: Workload) -> None:
        """The answer to a read or write of this key's pass.

        Its event is no news then, so that others who share the workload have to hear of it now.
        """
        place = (key.namespace, workload.target)
        if self._put(place, Watched(workload, by_event=False)):
            self._tell(place, key)

    def forget(self, place: Place) -> None:
        """What is known of it is not to be relied on."""
        self._known.pop(place, None)

    def replace_all(
        self, kind: TargetKind, namespace: str | None, items: list[PlacedWorkload]
    ) -> None:
        """These are all of a kind in a namespace, or in all of them; whatever was known before."""
        listed = {(one.namespace, one.workload.target): one.workload for one in items}
        for place in [one for one in self._ended if _is_in(one, kind, namespace)]:
            del self._ended[place]
        before = [place for place in self._known if _is_in(place, kind, namespace)]
        for place in before:
            if place not in listed:
                self._ended[place] = self._known.pop(place).value.resource_version
                self._tell(place, None)
        for place, workload in listed.items():
            known = self._known.get(place)
            if known is None or known.value.resource_version != workload.resource_version:
                self._known[place] = Watched(workload, by_event=False)
                self._tell(place, None)
        self.first_lists.one_came((kind, namespace))

    def changed(self, item: PlacedWorkload) -> None:
        """An event has brought a workload."""
        place = (item.namespace, item.workload.target)
        if self._put(place, Watched(item.workload, by_event=True)):
            self._tell(place, None)

    def gone(self, item: PlacedWorkload) -> None:
        """An event has told that a workload is gone."""
        place, version = (item.namespace, item.workload.target), item.workload.resource_version
        known = self._known.get(place)
        if known is not None and is_newer(known.value.resource_version, version):
            return
        self._known.pop(place, None)
        self._ended[place] = version
        self._tell(place, None)

    def not_allowed(self, kind: TargetKind, namespace: str | None) -> None:
        """They may not be read any more: what is known grows old."""
        for place in [one for one in self._known if _is_in(one, kind, namespace)]:
            del self._known[place]
        self.first_lists.give_up()

    def _put(self, place: Place, found: Watched[Workload]) -> bool:
        known = self._known.get(place)
        before = known.value.resource_version if known is not None else self._ended.get(place)
        if before is not None and not is_newer(found.value.resource_version, before):
            return False
        self._ended.pop(place, None)
        self._known[place] = found
        return True


class WorkloadsOfKind:
    """The events of one kind, on their way to the index."""

    def __init__(self, index: WorkloadIndex, kind: TargetKind) -> None:
        self._index = index
        self._kind = kind
        self.changed = index.changed
        self.gone = index.gone

    def replace_all(self, namespace: str | None, items: list[PlacedWorkload]) -> None:
        """These are all of a namespace, or of all of them."""
        self._index.replace_all(self._kind, namespace, items)

    def of_no_interest(self, uid: str) -> None:
        """Of a namespace that is another shard's: never known here."""

    def not_allowed(self, namespace: str | None) -> None:
        """They may not be read."""
        self._index.not_allowed(self._kind, namespace)


def _is_in(place: Place, kind: TargetKind, namespace: str | None) -> bool:
    return place[1].kind is kind and namespace in (None, place[0])
