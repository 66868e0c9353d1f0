"""How measured times are collected."""

from __future__ import annotations

from itertools import permutations

from benchmarks.samples import shuffled

LABELS = ("operator", "bare loop", "naive kopf")


def test_each_is_measured_after_each_other_and_in_every_place() -> None:
    assert {tuple(shuffled(LABELS, number)) for number in range(60)} == set(permutations(LABELS))


def test_every_run_measures_in_the_same_order() -> None:
    assert [shuffled(LABELS, number) for number in range(2)] == [
        ["bare loop", "operator", "naive kopf"],
        ["operator", "bare loop", "naive kopf"],
    ]
