"""Breadth-first search: the first broken promise found is one with the shortest trace."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from model.protocol import State, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search has shown."""

    states: int
    is_complete: bool
    """Whether every state was seen that can be reached."""
    broken: str | None
    trace: tuple[str, ...]
    """The steps to the broken promise."""


def explore(world: World, *, most_states: int) -> Found:
    """Search until a promise is broken, everything is seen, or enough."""
    came_from: dict[State, tuple[State, str] | None] = {world.start: None}
    line = deque([world.start])
    while line:
        state = line.popleft()
        if world.is_at_rest(state):
            broken = world.comes_to_rest(state)
            if broken is not None:
                return _found(came_from, state, f"P-3: {broken}", ())
        for step in world.steps(state):
            if step.broken is not None:
                return _found(came_from, state, step.broken, (step.label,))
            if step.state not in came_from:
                came_from[step.state] = (state, step.label)
                line.append(step.state)
        if len(came_from) >= most_states:
            break
    return Found(states=len(came_from), is_complete=not line, broken=None, trace=())


def _found(
    came_from: dict[State, tuple[State, str] | None],
    state: State,
    broken: str,
    last: tuple[str, ...],
) -> Found:
    steps: list[str] = []
    before = came_from[state]
    while before is not None:
        steps.append(before[1])
        before = came_from[before[0]]
    trace = (*reversed(steps), *last)
    return Found(states=len(came_from), is_complete=False, broken=broken, trace=trace)
