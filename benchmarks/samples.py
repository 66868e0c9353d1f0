"""Distributions of times."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.figures import Figure


def p50_ms(seconds: Sequence[float]) -> float:
    """The median, in milliseconds."""
    return statistics.median(seconds) * 1000


def p99_ms(seconds: Sequence[float]) -> float:
    """The time that one of a hundred exceeds, in milliseconds."""
    return sorted(seconds)[int(len(seconds) * 0.99)] * 1000


def beside(
    name: str,
    seconds: Sequence[float],
    reference: Sequence[float],
    reference_name: str,
    *,
    p50_at_most: float | None = None,
    p99_at_most: float | None = None,
) -> list[Figure]:
    """Median and p99 of one distribution beside those of another."""
    return [
        Figure(
            name=f"{name}, p50",
            value=p50_ms(seconds),
            unit="ms",
            reference=p50_ms(reference),
            reference_name=reference_name,
            at_most=p50_at_most,
        ),
        Figure(
            name=f"{name}, p99",
            value=p99_ms(seconds),
            unit="ms",
            reference=p99_ms(reference),
            reference_name=reference_name,
            at_most=p99_at_most,
        ),
    ]
