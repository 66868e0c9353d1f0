"""The newest workloads that are known."""

from __future__ import annotations

from pinnedrelease.cluster.workloads import PlacedWorkload
from pinnedrelease.controller.workload_index import Place, WorkloadIndex
from pinnedrelease.core.pin import TargetKind
from worlds import TARGET, workload

WEB: Place = ("shop", TARGET)


def placed(version: str) -> PlacedWorkload:
    return PlacedWorkload("shop", workload(resource_version=version))


def indexed() -> WorkloadIndex:
    index = WorkloadIndex(1, lambda _place: None)
    index.replace_all(TargetKind.DEPLOYMENT, None, [placed("4")])
    return index


def test_an_answer_that_comes_after_the_end_brings_nothing_back() -> None:
    """It was stored, or read, before the workload was deleted; a ghost stayed for ten minutes."""
    index = indexed()
    index.gone(placed("6"))

    index.stored("shop", placed("5").workload)

    assert index.get(WEB) is None


def test_an_answer_that_comes_after_a_list_without_it_brings_nothing_back() -> None:
    index = indexed()
    index.replace_all(TargetKind.DEPLOYMENT, None, [])

    index.stored("shop", placed("4").workload)

    assert index.get(WEB) is None


def test_a_workload_that_is_created_again_is_known_again() -> None:
    index = indexed()
    index.gone(placed("6"))

    index.changed(placed("7"))

    assert index.version(WEB) == "7"


def test_the_end_of_an_earlier_one_is_no_news() -> None:
    index = indexed()
    index.gone(placed("6"))
    index.stored("shop", placed("8").workload)

    index.gone(placed("6"))

    assert index.version(WEB) == "8"
