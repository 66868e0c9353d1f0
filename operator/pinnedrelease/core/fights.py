"""When somebody keeps undoing our corrections: say who, slow down, and never give up altogether.

Otherwise anyone could switch enforcement off by repeating a mistake (design 3.10). A GitOps tool is
recognised much earlier than a person, for it never stops by itself, and is often too slow to be
noticed otherwise: Argo CD 3 heals after 2, 6, 18, 54, 162 and then 300 seconds, Flux once in its
interval. What is slow already is not slowed down (ADR 16).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

from pinnedrelease.core.gitops_tools import gitops_tool

WINDOW_S = 60.0
CORRECTIONS_IN_WINDOW = 5
TOOL_WINDOW_S = 3600.0
TOOL_CORRECTIONS = 3
FIRST_HOLD_S = 10.0
LONGEST_HOLD_S = 300.0
QUIET_S = 600.0
RECENT_LIMIT = 32


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
        """This memory as it stands now: after ten quiet minutes, or more, all is normal again."""
        if not self.recent or (self.opponent is not None and self.quiet_in_s(now_s) <= 0):
            return Fight()
        kept = tuple(one for one in self.recent if now_s - one.at_s < TOOL_WINDOW_S)
        return self if self.opponent is not None or kept == self.recent else Fight(recent=kept)

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next correction is allowed; 0 when it is allowed now."""
        return max(0.0, self.held_until_s - now_s) if self.opponent else 0.0

    def quiet_in_s(self, now_s: float) -> float:
        """Seconds until all is normal again if nothing more has to be corrected.

        An opponent who comes every fifteen minutes has not gone away after ten.
        """
        if not self.recent:
            return 0.0
        times = sorted({one.at_s for one in self.recent})
        longest_gap_s = max((later - one for one, later in itertools.pairwise(times)), default=0.0)
        quiet_s = min(max(QUIET_S, 2 * longest_gap_s), TOOL_WINDOW_S)
        return max(0.0, times[-1] + quiet_s - now_s)

    def after_correction(self, managers: frozenset[str], now_s: float) -> Fight:
        """This memory with one more correction, against each of these managers."""
        fresh = tuple(Correction(manager=name, at_s=now_s) for name in sorted(managers))
        kept = tuple(one for one in self.recent if now_s - one.at_s < TOOL_WINDOW_S)
        recent = (*kept, *fresh)[-RECENT_LIMIT:]
        rapid = _first(managers, lambda name: _count(name, recent, now_s) > CORRECTIONS_IN_WINDOW)
        opponent = self.opponent or rapid or _first(managers, lambda name: _returns(name, recent))
        if opponent is None:
            return Fight(recent=recent)
        hold_s = FIRST_HOLD_S if rapid else 0.0
        if self.hold_s:
            hold_s = min(self.hold_s * 2, LONGEST_HOLD_S)
        return replace(
            self, recent=recent, opponent=opponent, hold_s=hold_s, held_until_s=now_s + hold_s
        )


def _first(managers: frozenset[str], holds: Callable[[str], bool]) -> str | None:
    return next((name for name in sorted(managers) if holds(name)), None)


def _count(manager: str, recent: tuple[Correction, ...], now_s: float) -> int:
    return sum(1 for one in recent if one.manager == manager and now_s - one.at_s < WINDOW_S)


def _returns(manager: str, recent: tuple[Correction, ...]) -> bool:
    """Whether this is a GitOps tool that has come again and again within the hour."""
    times = sum(1 for one in recent if one.manager == manager)
    return gitops_tool(manager) is not None and times >= TOOL_CORRECTIONS
