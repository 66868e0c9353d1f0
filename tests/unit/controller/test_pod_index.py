"""Which pods a workload has, and who is woken when one of them changes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from pinnedrelease.cluster.pods import OwnedPod
from pinnedrelease.controller import first_lists
from pinnedrelease.controller.pod_index import Place, PodIndex
from pinnedrelease.core.pin import Target, TargetKind
from pinnedrelease.core.pods import Pod
from worlds import TARGET, workload

API = Target(kind=TargetKind.DEPLOYMENT, name="api")
DATABASE = Target(kind=TargetKind.STATEFUL_SET, name="web")
WEB: Place = ("shop", TARGET)


def owned(
    name: str,
    target: Target = TARGET,
    *,
    namespace: str = "shop",
    uid: str = "",
    owner_uid: str = "uid-of-workload",
    is_ready: bool = True,
) -> OwnedPod:
    """A pod of a workload; its uid is its name unless another is given."""
    pod = Pod(
        name=name,
        uid=uid or name,
        node="node-1",
        is_ready=is_ready,
        is_finished=False,
        is_leaving=False,
        trouble="",
        containers=(),
    )
    return OwnedPod(
        namespace=namespace, target=target, owner_name="owner", owner_uid=owner_uid, pod=pod
    )


class Woken:
    """Who has been woken; the target ``api`` is one that nobody wants to know of."""

    def __init__(self) -> None:
        self.places: list[Place] = []

    def wake(self, namespace: str, target: Target) -> None:
        """Write down a place."""
        self.places.append((namespace, target))

    def is_wanted(self, place: Place) -> bool:
        """All but one."""
        return place[1] != API

    def taken(self) -> list[Place]:
        """The places since the last call, in a fixed order."""
        places, self.places = self.places, []
        return sorted(places, key=str)


def indexed(*pods: OwnedPod, watches: int = 1) -> tuple[PodIndex, Woken]:
    """An index; with pods, the first watch has listed them."""
    woken = Woken()
    index = PodIndex(watches, woken.wake, woken.is_wanted)
    if pods:
        index.replace_all(None, list(pods))
        woken.taken()
    return index, woken


def names(index: PodIndex, target: Target = TARGET, namespace: str = "shop") -> list[str] | None:
    """The names of a workload's pods, or None."""
    found = index.pods_of(namespace, workload(target=target))
    return None if found is None else [pod.name for pod in found]


def test_pods_of_a_namespace_are_unknown_until_its_watch_has_listed() -> None:
    index, _ = indexed(watches=2)
    before = names(index)
    index.replace_all("other", [])
    halfway = names(index)
    index.replace_all("shop", [owned("web-1")])
    index.changed(owned("web-2"))

    assert (before, halfway, names(index)) == (None, None, ["web-1", "web-2"])


def test_pods_that_may_not_be_read_in_one_namespace_are_not_known_by_anothers_list() -> None:
    """'None at all' is a finding, and nobody had looked."""
    index, _ = indexed(watches=2)
    index.not_allowed("other")

    for _ in range(2):
        index.replace_all("shop", [owned("web-1")])

        assert (names(index), names(index, namespace="other")) == (["web-1"], None)
    index.replace_all("other", [])
    assert names(index, namespace="other") == []
    index.not_allowed("other")
    assert (names(index), names(index, namespace="other")) == (["web-1"], None)


def test_a_watch_that_lists_anew_has_not_listed_for_another_one() -> None:
    index, _ = indexed(watches=2)

    index.replace_all("shop", [])
    index.replace_all("shop", [])
    assert index.first_lists.are_awaited

    index.replace_all("other", [])
    assert not index.first_lists.are_awaited


def test_a_workload_without_pods_has_none_and_that_is_known() -> None:
    index, _ = indexed(owned("web-1"))

    assert names(index, API) == []
    assert names(index, namespace="other") == []


async def test_waiting_ends_when_all_watches_have_listed() -> None:
    index, _ = indexed(watches=2)
    waiting = asyncio.create_task(index.first_lists.wait())
    index.replace_all("shop", [])
    await asyncio.wait({waiting}, timeout=0.02)
    assert not waiting.done()

    index.replace_all("other", [])

    await asyncio.wait_for(waiting, 5)
    await asyncio.wait_for(index.first_lists.wait(), 5)


async def test_waiting_ends_when_pods_may_not_be_read() -> None:
    index, _ = indexed(watches=2)

    index.not_allowed(None)

    await asyncio.wait_for(index.first_lists.wait(), 5)
    assert names(index) is None


async def test_waiting_is_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_lists, "SYNC_S", 0.01)
    index, _ = indexed()

    await asyncio.wait_for(index.first_lists.wait(), 5)

    assert names(index) is None


def test_pods_that_may_not_be_read_any_more_are_unknown_until_the_next_list() -> None:
    index, _ = indexed(owned("web-1"))
    index.not_allowed(None)
    forbidden = names(index)
    index.replace_all(None, [owned("web-2")])

    assert (forbidden, names(index)) == (None, ["web-2"])


def test_a_change_wakes_only_when_something_differs() -> None:
    index, woken = indexed(owned("web-1"))

    index.changed(owned("web-1"))
    assert woken.taken() == []

    index.changed(owned("web-1", is_ready=False))
    index.changed(owned("web-2"))
    assert woken.taken() == [WEB, WEB]
    found = index.pods_of("shop", workload())
    assert found is not None
    assert [(pod.name, pod.is_ready) for pod in found] == [("web-1", False), ("web-2", True)]


def test_a_pod_that_nobody_wants_to_know_of_is_kept_and_wakes_nobody() -> None:
    index, woken = indexed()

    index.replace_all(None, [owned("api-1", API)])
    index.changed(owned("api-2", API))
    kept = names(index, API)
    index.gone(owned("api-1", API))

    assert (kept, names(index, API)) == (["api-1", "api-2"], ["api-2"])
    assert woken.taken() == []


def test_a_pod_that_is_gone_wakes_and_leaves_nothing_behind() -> None:
    index, woken = indexed(owned("web-1"), owned("web-2"))

    index.gone(owned("web-1", is_ready=False))
    assert (woken.taken(), names(index), len(index)) == ([WEB], ["web-2"], 1)

    index.gone(owned("web-2"))
    assert (woken.taken(), names(index), len(index)) == ([WEB], [], 0)
    assert index._pods == {}


def test_a_pod_that_was_never_there_can_be_gone() -> None:
    index, _ = indexed(owned("web-1"))

    index.gone(owned("web-9"))
    index.gone(owned("web-1", DATABASE, uid="other"))

    assert (names(index), len(index._pods)) == (["web-1"], 1)


def test_a_pod_made_anew_under_its_old_name_outlives_the_news_of_its_end() -> None:
    index, _ = indexed(owned("web-0", DATABASE, uid="old"))

    index.changed(owned("web-0", DATABASE, uid="new"))
    index.gone(owned("web-0", DATABASE, uid="old"))

    found = index.pods_of("shop", workload(target=DATABASE))
    assert found is not None
    assert [pod.uid for pod in found] == ["new"]


def test_a_list_wakes_exactly_the_places_that_differ_and_forgets_ghosts() -> None:
    same, changed, ghost, fresh = (
        Target(kind=TargetKind.DEPLOYMENT, name=name) for name in ("a", "b", "c", "d")
    )
    index, woken = indexed(
        owned("a-1", same), owned("b-1", changed), owned("c-1", ghost), owned("c-2", ghost)
    )

    index.replace_all(
        None, [owned("a-1", same), owned("b-1", changed, is_ready=False), owned("d-1", fresh)]
    )

    assert woken.taken() == [("shop", changed), ("shop", ghost), ("shop", fresh)]
    assert [names(index, one) for one in (same, changed, ghost, fresh)] == [
        ["a-1"], ["b-1"], [], ["d-1"],
    ]  # fmt: skip
    assert len(index) == 3


def test_a_list_of_one_namespace_leaves_the_others_alone() -> None:
    index, woken = indexed(watches=2)
    index.replace_all("shop", [owned("web-1")])
    index.replace_all("other", [owned("web-1", namespace="other")])
    assert woken.taken() == [("other", TARGET), WEB]

    index.replace_all("shop", [])

    assert woken.taken() == [WEB]
    assert (names(index), names(index, namespace="other")) == ([], ["web-1"])


def test_pods_of_an_earlier_workload_of_the_same_name_do_not_count() -> None:
    earlier = owned("web-0", DATABASE, uid="old", owner_uid="uid-of-earlier")
    index, _ = indexed(earlier, owned("web-1", DATABASE))

    assert names(index, DATABASE) == ["web-1"]
    assert len(index) == 2


def test_pods_of_a_cronjob_come_and_go_with_its_active_jobs() -> None:
    nightly = Target(kind=TargetKind.CRON_JOB, name="nightly")
    first = replace(owned("nightly-1-x", nightly), owner_name="nightly-1")
    second = replace(owned("nightly-2-x", nightly), owner_name="nightly-2")
    index, _ = indexed(first, second)

    found = index.pods_of("shop", workload(target=nightly, active_jobs=frozenset({"nightly-2"})))

    assert found == (second.pod,)


def test_all_pods_are_counted() -> None:
    index, _ = indexed(owned("web-1"), owned("web-2"), owned("api-1", API))
    index.changed(owned("web-1", is_ready=False))
    index.changed(owned("web-1", namespace="other", uid="elsewhere"))

    assert (len(index), len(indexed()[0])) == (4, 0)


def test_a_pod_that_nobody_owns_any_more_is_no_pod_of_its_workload() -> None:
    """Somebody takes its labels to look into it; its controller lets go. It stayed for an hour."""
    index, woken = indexed(owned("web-1"), owned("web-2"))

    index.of_no_interest("web-2")
    index.of_no_interest("never heard of")

    assert names(index) == ["web-1"]
    assert woken.taken() == [WEB]
    assert len(index) == 1


def test_a_pod_that_changes_its_owner_is_in_one_place() -> None:
    index, woken = indexed(owned("web-1"), owned("web-2"))

    index.changed(owned("web-2", DATABASE))

    assert (names(index), names(index, DATABASE)) == (["web-1"], ["web-2"])
    assert woken.taken() == sorted([WEB, ("shop", DATABASE)], key=str)
    index.gone(owned("web-2"))
    assert names(index, DATABASE) == []


def test_what_a_list_does_not_have_is_forgotten_wherever_it_was() -> None:
    index, _ = indexed(owned("web-1"), owned("web-2"))

    index.replace_all(None, [owned("web-1")])
    index.of_no_interest("web-2")

    assert names(index) == ["web-1"]
