"""Which PinnedRelease has which target, and what their watch has brought."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import Target, TargetKind
from pinnedrelease.reconcile.gather import Key, Watched

Brought = Callable[[], Watched[Release] | None]
"""What a watch has brought; read when a pass asks for it, if it does."""
Place = tuple[str, Target]
"""A namespace and a target in it."""


class TargetIndex:
    """Answers: which keys does a change of this workload concern? What has their watch brought?"""

    def __init__(self) -> None:
        self._place_of: dict[Key, Place] = {}
        self._keys_at: dict[Place, set[Key]] = {}
        self._versions: dict[Key, str] = {}
        self._brought: dict[Key, Brought] = {}

    def put(
        self,
        key: Key,
        target: Target | None,
        version: str | None = None,
        brought: Brought | None = None,
    ) -> None:
        """Note a PinnedRelease that exists; no target when it cannot be read."""
        if version is not None:
            self._versions[key] = version
        if brought is not None:
            self._brought[key] = brought
        else:
            self._brought.pop(key, None)
        place = (key.namespace, target) if target is not None else None
        if self._place_of.get(key) == place:
            return
        self._leave(key)
        if place is not None:
            self._place_of[key] = place
            self._keys_at.setdefault(place, set()).add(key)

    def take_release(self, key: Key, known: str | None) -> Watched[Release] | None:
        """The PinnedRelease as its watch has brought it since this was asked last.

        None when that is the ``known`` version, and when it cannot be read: then a read says why.
        """
        brought = self._brought.pop(key, None)
        if brought is None or self._versions.get(key) == known:
            return None
        return brought()

    def drop(self, key: Key) -> None:
        """Forget a PinnedRelease that is gone."""
        self._brought.pop(key, None)
        self._versions.pop(key, None)
        self._leave(key)

    def _leave(self, key: Key) -> None:
        place = self._place_of.pop(key, None)
        if place is None:
            return
        keys = self._keys_at[place]
        keys.discard(key)
        if not keys:
            del self._keys_at[place]

    def saw_version(self, key: Key, version: str) -> None:
        """Note the resourceVersion of a PinnedRelease whose event was missed."""
        self._versions[key] = version

    def known(self) -> tuple[Key, ...]:
        """Every PinnedRelease that was seen."""
        return tuple(self._versions)

    def places(self) -> tuple[Place, ...]:
        """Every workload that is governed."""
        return tuple(self._keys_at)

    def keys_for(self, namespace: str, target: Target) -> tuple[Key, ...]:
        """The PinnedReleases that govern this workload."""
        return tuple(sorted(self._keys_at.get((namespace, target), ())))

    def target_of(self, key: Key) -> Target | None:
        """The target that this PinnedRelease had when it was seen last."""
        place = self._place_of.get(key)
        return place[1] if place else None

    def seen_version(self, key: Key) -> str | None:
        """The resourceVersion of the PinnedRelease that a watch delivered last."""
        return self._versions.get(key)

    def sharing_target(self, key: Key) -> tuple[Key, ...]:
        """Other PinnedReleases that were seen with the same target."""
        place = self._place_of.get(key)
        if place is None:
            return ()
        return tuple(other for other in self.keys_for(*place) if other != key)

    def __len__(self) -> int:
        return len(self._place_of)


def key_in(document: Mapping[str, object]) -> Key | None:
    """Namespace and name of a watched object; None when it has none."""
    metadata = document.get("metadata")
    if not isinstance(metadata, Mapping):
        return None
    namespace, name = metadata.get("namespace"), metadata.get("name")
    if not isinstance(namespace, str) or not isinstance(name, str):
        return None
    return Key(namespace, name)


def version_in(document: Mapping[str, object]) -> str | None:
    """The resourceVersion of a watched object."""
    metadata = document.get("metadata")
    version = metadata.get("resourceVersion") if isinstance(metadata, Mapping) else None
    return version if isinstance(version, str) else None


def target_in(document: Mapping[str, object]) -> Target | None:
    """The target of a watched PinnedRelease, read as leniently as a hint may be."""
    spec = document.get("spec")
    reference = spec.get("targetRef") if isinstance(spec, Mapping) else None
    if not isinstance(reference, Mapping):
        return None
    kind, name = reference.get("kind", TargetKind.DEPLOYMENT), reference.get("name")
    if not isinstance(name, str) or not isinstance(kind, str) or kind not in set(TargetKind):
        return None
    return Target(kind=TargetKind(kind), name=name)
