"""When somebody keeps undoing our corrections: slow down, say who, and never give up altogether.

Otherwise anyone could switch enforcement off by repeating a mistake (design 3.10).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

WINDOW_S = 60.0
CORRECTIONS_IN_WINDOW = 5
FIRST_HOLD_S = 10.0
LONGEST_HOLD_S = 300.0
QUIET_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """One correction, against this field manager, at this monotonic time in seconds."""

    manager: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fight:
    """What is remembered of recent corrections of one object. Times are monotonic seconds."""

    recent: tuple[Correction, ...] = ()
    opponent: str | None = None
    """The manager that we are in a fight with, or None while all is normal."""
    hold_s: float = 0.0
    held_until_s: float = 0.0

    def at(self, now_s: float) -> Fight:
        """This memory as it stands now: after ten quiet minutes all is normal again."""
        quiet = not self.recent or now_s - self.recent[-1].at_s >= QUIET_S
        return Fight() if quiet else self

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next correction is allowed; 0 when it is allowed now."""
        return max(0.0, self.held_until_s - now_s) if self.opponent else 0.0

    def quiet_in_s(self, now_s: float) -> float:
        """Seconds until all is normal again if nothing more has to be corrected."""
        return max(0.0, self.recent[-1].at_s + QUIET_S - now_s) if self.recent else 0.0

    def after_correction(self, managers: frozenset[str], now_s: float) -> Fight:
        """This memory with one more correction, against each of these managers."""
        kept = tuple(one for one in self.recent if now_s - one.at_s < WINDOW_S)
        recent = (*kept, *(Correction(manager=name, at_s=now_s) for name in sorted(managers)))
        if self.opponent is not None:
            hold = min(self.hold_s * 2, LONGEST_HOLD_S)
            return replace(self, recent=recent, hold_s=hold, held_until_s=now_s + hold)
        opponent = next((name for name in sorted(managers) if _is_persistent(name, recent)), None)
        if opponent is None:
            return Fight(recent=recent)
        return Fight(
            recent=recent,
            opponent=opponent,
            hold_s=FIRST_HOLD_S,
            held_until_s=now_s + FIRST_HOLD_S,
        )


def _is_persistent(manager: str, recent: tuple[Correction, ...]) -> bool:
    return sum(1 for one in recent if one.manager == manager) > CORRECTIONS_IN_WINDOW
