"""The newest workloads that are known."""

from __future__ import annotations

from pinnedrelease.cluster.workloads import PlacedWorkload
from pinnedrelease.controller.workload_index import Place, WorkloadIndex
from pinnedrelease.core.pin import TargetKind
from pinnedrelease.reconcile.gather import Key
from worlds import TARGET, workload

WEB: Place = ("shop", TARGET)
X, Y = Key("shop", "x"), Key("shop", "y")


def placed(version: str) -> PlacedWorkload:
    return PlacedWorkload("shop", workload(resource_version=version))


def indexed() -> WorkloadIndex:
    index = WorkloadIndex(1, lambda _place, _key: None)
    index.replace_all(TargetKind.DEPLOYMENT, None, [placed("4")])
    return index


def test_an_answer_that_comes_after_the_end_brings_nothing_back() -> None:
    """It was stored, or read, before the workload was deleted; a ghost stayed for ten minutes."""
    index = indexed()
    index.gone(placed("6"))

    index.stored(X, placed("5").workload)

    assert index.get(WEB) is None


def test_an_answer_that_comes_after_a_list_without_it_brings_nothing_back() -> None:
    index = indexed()
    index.replace_all(TargetKind.DEPLOYMENT, None, [])

    index.stored(X, placed("4").workload)

    assert index.get(WEB) is None


def test_a_workload_that_is_created_again_is_known_again() -> None:
    index = indexed()
    index.gone(placed("6"))

    index.changed(placed("7"))

    assert index.version(WEB) == "7"


def test_the_end_of_an_earlier_one_is_no_news() -> None:
    index = indexed()
    index.gone(placed("6"))
    index.stored(X, placed("8").workload)

    index.gone(placed("6"))

    assert index.version(WEB) == "8"


def telling() -> tuple[WorkloadIndex, list[tuple[Place, Key | None]]]:
    """An index that knows of one workload, and whom it tells what."""
    told: list[tuple[Place, Key | None]] = []
    index = WorkloadIndex(1, lambda place, key: told.append((place, key)))
    index.replace_all(TargetKind.DEPLOYMENT, None, [placed("59")])
    told.clear()
    return index, told


def test_what_one_pass_has_read_is_told_to_the_others_who_share_the_workload() -> None:
    """Its event is no news then: the others never heard of it, not even by the next list."""
    index, told = telling()

    index.stored(X, placed("60").workload)

    assert told == [(WEB, X)]
    index.changed(placed("60"))
    index.replace_all(TargetKind.DEPLOYMENT, None, [placed("60")])
    assert told == [(WEB, X)]


def test_what_was_known_already_is_told_to_nobody() -> None:
    """Two passes that read in turns would wake each other for ever."""
    index, told = telling()
    index.changed(placed("60"))
    told.clear()

    index.stored(X, placed("60").workload)
    index.stored(Y, placed("59").workload)

    assert told == []


def test_a_kind_that_is_listed_anew_has_not_been_listed_for_another_one() -> None:
    index = WorkloadIndex(2, lambda _place, _key: None)

    index.replace_all(TargetKind.DEPLOYMENT, None, [])
    index.replace_all(TargetKind.DEPLOYMENT, None, [])
    assert index.first_lists.are_awaited

    index.replace_all(TargetKind.STATEFUL_SET, None, [])
    assert not index.first_lists.are_awaited
