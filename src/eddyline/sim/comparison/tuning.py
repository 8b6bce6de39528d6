"""Tunes a policy for a deadline: the longest target time of the backlog whose p99 is within it.

All policies are tuned over the same grid, with seeds that are not used for the figures. A longer target time
is cheaper and slower, so the grid is searched by bisection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

GRID_S = (
    15.0,
    30.0,
    60.0,
    120.0,
    180.0,
    270.0,
    400.0,
    600.0,
    900.0,
    1350.0,
    2000.0,
    3000.0,
    4500.0,
    7000.0,
    14000.0,
)
"""The target times that are tried, in seconds."""

TOLERANCE = 1.02
"""p99 are equal within 2 %."""


def tune(p99_s: Callable[[float], float], deadline_s: float, grid: Sequence[float] = GRID_S) -> float:
    """The longest target time of the grid at which `p99_s` is within the deadline; else the shortest."""
    low, high = 0, len(grid) - 1
    if p99_s(grid[high]) <= deadline_s * TOLERANCE:
        return grid[high]
    # At `high` the deadline is missed; at `low` it is met, or nothing is shorter.
    while high - low > 1:
        middle = (low + high) // 2
        if p99_s(grid[middle]) <= deadline_s * TOLERANCE:
            low = middle
        else:
            high = middle
    return grid[low]
