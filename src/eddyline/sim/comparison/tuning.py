"""Tunes policies for a deadline: the longest target time of the backlog whose p99 is within it.

All policies are tuned over the same grid, with seeds that are not used for the figures. A longer target time
is cheaper and slower, so the grid is searched by bisection, for all policies at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

GRID_S = (
    15.0, 30.0, 60.0, 120.0, 180.0, 270.0, 400.0, 600.0, 900.0,
    1350.0, 2000.0, 3000.0, 4500.0, 7000.0, 14000.0,
)  # fmt: skip
"""The target times that are tried, in seconds."""

TOLERANCE = 1.02
"""p99 are equal within 2 %."""

P99s = Callable[[Mapping[str, float]], Mapping[str, float]]
"""The p99 of the time to ready of each policy with the given target time, in seconds."""


def tune(
    p99s: P99s, policies: Sequence[str], deadline_s: float, grid: Sequence[float] = GRID_S
) -> dict[str, float]:
    """The longest target time of the grid, of each policy, at which its p99 is within the deadline.

    Where none is, the shortest.
    """
    limit = deadline_s * TOLERANCE
    last = len(grid) - 1
    found = p99s(dict.fromkeys(policies, grid[last]))
    tuned = {policy: grid[last] for policy in policies if found[policy] <= limit}
    # At the second place the deadline is missed; at the first it is met, or nothing is shorter.
    open_ranges = {policy: (0, last) for policy in policies if policy not in tuned}
    while open_ranges:
        middles = {policy: (low + high) // 2 for policy, (low, high) in open_ranges.items()}
        found = p99s({policy: grid[middle] for policy, middle in middles.items()})
        for policy, middle in middles.items():
            low, high = open_ranges[policy]
            low, high = (middle, high) if found[policy] <= limit else (low, middle)
            open_ranges[policy] = low, high
            if high - low <= 1:
                tuned[policy] = grid[low]
                del open_ranges[policy]
    return tuned
