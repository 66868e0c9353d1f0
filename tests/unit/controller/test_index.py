"""Which keys a change of a workload concerns."""

from __future__ import annotations

import pytest

from pinnedrelease.controller.index import TargetIndex, key_in, target_in
from pinnedrelease.core.pin import Target, TargetKind
from pinnedrelease.reconcile.gather import Key

WEB = Target(kind=TargetKind.DEPLOYMENT, name="web")
A, B = Key("shop", "a"), Key("shop", "b")


def test_a_workload_concerns_the_releases_that_name_it_in_its_namespace() -> None:
    index = TargetIndex()
    index.put(A, WEB)
    index.put(B, WEB)
    index.put(Key("other", "c"), WEB)

    assert index.keys_for("shop", WEB) == (A, B)
    assert index.sharing_target(A) == (B,)
    assert index.target_of(A) == WEB


def test_what_is_dropped_leaves_nothing_behind() -> None:
    index = TargetIndex()
    index.put(A, WEB)
    index.put(A, None)
    index.drop(A)
    index.drop(B)

    assert (len(index), index._keys_at) == (0, {})


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"spec": None},
        {"spec": {"targetRef": "web"}},
        {"spec": {"targetRef": {"name": 1}}},
        {"spec": {"targetRef": {"kind": "Pod", "name": "web"}}},
        {"spec": {"targetRef": {"kind": [], "name": "web"}}},
    ],
)
def test_a_broken_target_is_no_hint_and_no_crash(document: dict[str, object]) -> None:
    assert target_in(document) is None


def test_the_default_kind_is_a_deployment() -> None:
    assert target_in({"spec": {"targetRef": {"name": "web"}}}) == WEB


@pytest.mark.parametrize("document", [{}, {"metadata": 1}, {"metadata": {"name": "a"}}])
def test_an_object_without_a_name_concerns_nobody(document: dict[str, object]) -> None:
    assert key_in(document) is None
