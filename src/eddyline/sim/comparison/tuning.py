"""Tunes policies for a deadline: the cheapest target time of the backlog whose p99 is within it.

All policies are tuned over the same grid, with seeds that are not used for the figures. A longer target time
is slower, so the longest that meets the deadline is found by bisection, for all policies at once. It is
also cheaper where Spot has capacity; where Spot is often away, a shorter one leaves more time to wait for
it. So some shorter ones are tried too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

GRID_S = (
    15.0, 30.0, 60.0, 120.0, 180.0, 270.0, 400.0, 600.0, 900.0,
    1350.0, 2000.0, 3000.0, 4500.0, 7000.0, 14000.0,
)  # fmt: skip
"""The target times that are tried, in seconds."""

TOLERANCE = 1.02
"""p99 are equal within 2 %."""

_SHORTER = (2, 5)  # places of the grid

Try = Callable[[Mapping[str, float]], Mapping[str, tuple[float, float]]]
"""The p99 of the time to ready in seconds, and the cost, of each policy with the given target time."""


def tune(
    attempt: Try, policies: Sequence[str], deadline_s: float, grid: Sequence[float] = GRID_S
) -> dict[str, float]:
    """The cheapest target time of those tried, of each policy, at which its p99 is within the deadline.

    Where none is, the shortest.
    """
    limit = deadline_s * TOLERANCE
    costs: dict[str, dict[int, float]] = {policy: {} for policy in policies}

    def meets(places: Mapping[str, int]) -> dict[str, bool]:
        found = attempt({policy: grid[place] for policy, place in places.items()})
        for policy, place in places.items():
            p99_s, cost = found[policy]
            costs[policy][place] = cost if p99_s <= limit else math.inf
        return {policy: found[policy][0] <= limit for policy in places}

    last = len(grid) - 1
    longest = {policy: last for policy, met in meets(dict.fromkeys(policies, last)).items() if met}
    # At the second place the deadline is missed; at the first it is met, or nothing is shorter.
    ranges = {policy: (0, last) for policy in policies if policy not in longest}
    while ranges:
        middles = {policy: (low + high) // 2 for policy, (low, high) in ranges.items()}
        for policy, met in meets(middles).items():
            low, high = ranges[policy]
            ranges[policy] = low, high = (middles[policy], high) if met else (low, middles[policy])
            if high - low <= 1:
                longest[policy] = low
                del ranges[policy]
    for shorter in _SHORTER:
        places = {policy: place - shorter for policy, place in longest.items() if place >= shorter}
        untried = {policy: place for policy, place in places.items() if place not in costs[policy]}
        if untried:
            meets(untried)
    return {policy: grid[_cheapest(costs[policy], longest[policy])] for policy in policies}


def _cheapest(costs: Mapping[int, float], longest: int) -> int:
    """The place with the lowest finite cost, of several the longest time; without one `longest`."""
    place = min(costs, key=lambda each: (costs[each], -each))
    return place if math.isfinite(costs[place]) else longest
