"""One set of series for each PinnedRelease that this process looks after, made when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from pinnedrelease.controller import metric_families as families
from pinnedrelease.controller.metric_families import Family
from pinnedrelease.core.conditions import ConditionType
from pinnedrelease.core.observed import Release
from pinnedrelease.core.pin import DesiredPin, Pin

_OURS = frozenset(map(str, ConditionType))


class FleetCollector(Collector):
    """The series of a set of PinnedReleases that is replaced as a whole.

    Whoever renders may be another thread than the one that replaces.
    """

    def __init__(self) -> None:
        self.releases: tuple[Release, ...] = ()

    def describe(self) -> Iterable[Metric]:
        """Nothing to compare with: no other collector has these names."""
        return []

    def collect(self) -> Iterable[Metric]:
        """The families, whose samples can be read once each."""
        releases = self.releases
        yield _streamed(families.INFO, _pairs(releases))
        yield _streamed(families.CONDITION, _conditions(releases))
        yield _streamed(families.DRIFT, _counts(families.DRIFT, releases, _going_on))
        yield _streamed(families.HISTORY, _counts(families.HISTORY, releases, _kept))


def _streamed(family: Family, samples: Iterator[Sample]) -> Metric:
    """A family whose samples never are in memory all at once: there can be 100,000 of them."""
    made = Metric(family.name, family.says, family.type)
    made.samples = samples  # type: ignore[assignment]
    return made


def _pairs(releases: Iterable[Release]) -> Iterator[Sample]:
    for release in releases:
        pin = _pin_in_force(release)
        if pin is not None:
            values = (release.namespace, release.name, pin.spelling, pin.tag, str(pin.digest))
            yield _sample(families.INFO, values, 1)


def _conditions(releases: Iterable[Release]) -> Iterator[Sample]:
    for release in releases:
        for one in release.status.conditions:
            # Whoever may write the status may add conditions of his own, as many as he likes.
            if one.type in _OURS:
                values = (release.namespace, release.name, one.type, one.status, one.reason)
                yield _sample(families.CONDITION, tuple(map(str, values)), 1)


def _counts(
    family: Family, releases: Iterable[Release], count: Callable[[Release], int]
) -> Iterator[Sample]:
    for release in releases:
        yield _sample(family, (release.namespace, release.name), count(release))


def _going_on(release: Release) -> int:
    return sum(one.correct_time is None for one in release.status.drift)


def _kept(release: Release) -> int:
    return len(release.status.history.revisions)


def _sample(family: Family, values: tuple[str, ...], value: float) -> Sample:
    return Sample(family.name, dict(zip(family.labels, values, strict=True)), value)


def _pin_in_force(release: Release) -> Pin | None:
    if release.status.effective is not None:
        return release.status.effective.pin
    return release.spec.pin if isinstance(release.spec, DesiredPin) else None
