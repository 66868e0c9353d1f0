"""Distributions of times."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from benchmarks.figures import Figure


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What a ratio may be, and up to which it is argued (see Figure)."""

    at_most: float | None = None
    argued: float | None = None


NO_CEILING = Ceiling()


def shuffled(labels: Iterable[str], repetition: int) -> list[str]:
    """Who is measured when in this repetition: the same in every run, and nobody has a fixed place.

    Each bears a part of what the one before still does after its answer.
    """
    return sorted(labels, key=lambda label: sha256(f"{repetition} {label}".encode()).digest())


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
    p50: Ceiling = NO_CEILING,
    p99: Ceiling = NO_CEILING,
) -> list[Figure]:
    """Median and p99 of one distribution beside those of another."""
    return [
        Figure(
            name=f"{name}, p50",
            value=p50_ms(seconds),
            unit="ms",
            reference=p50_ms(reference),
            reference_name=reference_name,
            at_most=p50.at_most,
            argued=p50.argued,
        ),
        Figure(
            name=f"{name}, p99",
            value=p99_ms(seconds),
            unit="ms",
            reference=p99_ms(reference),
            reference_name=reference_name,
            at_most=p99.at_most,
            argued=p99.argued,
        ),
    ]
