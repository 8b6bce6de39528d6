"""Events at given times, on one heap."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush
from typing import TypeAlias

from eddyline.sim.engine.instance import SimInstance

Action: TypeAlias = Callable[[float], None]
"""Called with the time."""

Event: TypeAlias = tuple[float, int, SimInstance | None, Action | None]
"""The time, its number, and either the instance on which the start of this number ends, or an action."""


class Timers:
    """The heap. Events of the same time happen in the order in which they were added."""

    __slots__ = ("heap", "number")

    def __init__(self) -> None:
        self.heap: list[Event] = []
        self.number = 0

    def at(self, when: float, action: Action) -> None:
        """Call `action` at `when`."""
        self.number += 1
        heappush(self.heap, (when, self.number, None, action))
