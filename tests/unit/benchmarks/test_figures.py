"""How measured figures are judged."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from benchmarks.figures import Figure, Verdict, is_far_off, table, to_wire, write
from benchmarks.process import meanwhile


def figure(value: float, **more: float) -> Figure:
    return Figure(
        name="drift corrected, p50", value=value, unit="ms", reference=10.0,
        reference_name="bare loop", **more,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "verdict"), [(12.5, Verdict.MET), (14.0, Verdict.ARGUED), (14.1, Verdict.MISSED)]
)
def test_a_missed_target_is_argued_up_to_its_limit_and_no_further(
    value: float, verdict: Verdict
) -> None:
    assert figure(value, at_most=1.25, argued=1.4).verdict is verdict


def test_less_than_a_least_is_argued_down_to_its_limit() -> None:
    assert figure(20.0, at_least=2.0, argued=1.4).verdict is Verdict.MET
    assert figure(14.0, at_least=2.0, argued=1.4).verdict is Verdict.ARGUED
    assert figure(13.9, at_least=2.0, argued=1.4).verdict is Verdict.MISSED


def test_without_a_target_there_is_no_verdict() -> None:
    assert figure(99.0).verdict is None


def test_the_table_says_what_is_argued_and_to_where() -> None:
    assert "argued, to 1.4" in table([figure(13.0, at_most=1.25, argued=1.4)])
    assert "MISSED" in table([figure(15.0, at_most=1.25, argued=1.4)])


def test_a_busy_machine_is_no_reason_to_fail_but_a_wrong_write_is() -> None:
    assert not is_far_off(figure(30.0, at_most=1.25))
    assert is_far_off(figure(32.0, at_most=1.25))
    assert not is_far_off(figure(32.0, at_most=1.25, argued=2.0))
    assert is_far_off(figure(51.0, at_most=1.25, argued=2.0))
    assert not is_far_off(figure(6.0, at_least=2.0, argued=1.4))
    assert is_far_off(figure(5.0, at_least=2.0, argued=1.4))
    assert is_far_off(Figure(name="writes", value=1, unit="", at_most=0.0))


def test_a_section_takes_the_place_of_its_last_run_only(tmp_path: Path) -> None:
    write("drift", to_wire([figure(1.0)], "aaaa", 9.0), tmp_path)
    write("scale", to_wire([figure(2.0)], "aaaa", 9.0), tmp_path)
    write("drift", to_wire([figure(3.0)], "bbbb", 9.0), tmp_path)
    sections = json.loads((tmp_path / "figures.json").read_text())
    told = {name: (one["commit"], one["figures"][0]["value"]) for name, one in sections.items()}
    assert told == {"drift": ("bbbb", 3.0), "scale": ("aaaa", 2.0)}


def test_nothing_is_measured_beside_work_that_was_not_done() -> None:
    def fail(over: threading.Event) -> None:
        assert not over.is_set()
        raise ConnectionError("refused")

    with pytest.raises(ConnectionError, match="refused"), meanwhile(fail):
        pass
