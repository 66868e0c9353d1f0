"""How long to wait after failures: growing, bounded, and spread by a random share."""

from __future__ import annotations

FIRST_S = 0.1
LONGEST_S = 60.0


def delay_s(
    failures: int, unit_random: float, *, first_s: float = FIRST_S, at_least_s: float = 0.0
) -> float:
    """Seconds before the next attempt after so many failures in a row.

    Doubles from ``first_s`` to 60 s; ``unit_random`` in [0, 1) takes away up to half, so that many
    objects that failed together do not come back together.
    """
    ceiling = min(first_s * 2.0 ** min(max(failures - 1, 0), 20), LONGEST_S)
    return max(ceiling * (1.0 - unit_random / 2.0), at_least_s)
