"""A market: pools of Spot capacity over time, each of one instance type in one zone. Times are in seconds.

A pool has either `capacity` (how many instances it holds at most, as changes) or `nodes` (when each node
was there). An instance of a `capacity` pool is reclaimed when the capacity falls below what runs; an instance
of a `nodes` pool is bound to a node and ends with it. Generated pools have a hazard and waves besides.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

HOUR_S = 3600.0
_LATE_POWER = 4  # of the age: nearly nothing until half of `late_s`, as in the lifetimes with a limit of 24 h


@dataclass(frozen=True, kw_only=True)
class Hazard:
    """Interruptions an hour of one instance, by its age: a flat part, an early and a late part (a bathtub).

    The early part is `early_per_hour * exp(-age / early_s)`, the late part
    `late_per_hour * min(1, age / late_s) ** 4`.
    """

    per_hour: float
    early_per_hour: float = 0.0
    early_s: float = 600.0
    late_per_hour: float = 0.0
    late_s: float = 86_400.0

    def at(self, age_s: float) -> float:
        """The hazard an hour at an age."""
        early = self.early_per_hour * math.exp(-age_s / self.early_s) if self.early_per_hour else 0.0
        late = (
            self.late_per_hour * min(1.0, age_s / self.late_s) ** _LATE_POWER if self.late_per_hour else 0.0
        )
        return self.per_hour + early + late

    def lifetime(self, rng: random.Random) -> float:
        """The age in seconds at which an instance is interrupted; infinite without a hazard.

        The parts are competing risks: the lifetime is the least of one lifetime for each part, and each of
        these is drawn by inversion of its cumulative hazard.
        """
        return min(self._flat(rng), self._early(rng), self._late(rng))

    def _flat(self, rng: random.Random) -> float:
        return rng.expovariate(1.0) / self.per_hour * HOUR_S if self.per_hour > 0 else math.inf

    def _early(self, rng: random.Random) -> float:
        if self.early_per_hour <= 0:
            return math.inf
        spent = rng.expovariate(1.0) * HOUR_S / (self.early_per_hour * self.early_s)
        return -self.early_s * math.log1p(-spent) if spent < 1 else math.inf

    def _late(self, rng: random.Random) -> float:
        if self.late_per_hour <= 0:
            return math.inf
        spent = rng.expovariate(1.0) * HOUR_S / self.late_per_hour
        growing = self.late_s / (_LATE_POWER + 1)  # the integral of (age / late_s) ** 4 up to late_s
        if spent < growing:
            return self.late_s * float((spent / growing) ** (1 / (_LATE_POWER + 1)))
        return self.late_s + spent - growing


@dataclass(frozen=True, kw_only=True)
class Wave:
    """At `at`, a `share` (0 to 1) of the running instances of a pool is reclaimed together."""

    at: float
    share: float


@dataclass(frozen=True, kw_only=True)
class MarketPool:
    """The Spot capacity of one instance type in one zone, in units.

    `units`: the most units that were probed. `capacity`: changes as (second, count), ascending, the first
    at 0. `nodes`: (from, to), to is None for a node that is still there at the end. Exactly one of the two
    is not empty.
    """

    name: str
    type: str
    zone: str
    units: int
    capacity: tuple[tuple[float, int], ...] = ()
    nodes: tuple[tuple[float, float | None], ...] = ()
    hazard: Hazard | None = None
    waves: tuple[Wave, ...] = ()

    def count_at(self, t: float) -> int:
        """The units that are available at `t`."""
        if self.nodes:
            return sum(since <= t and (until is None or t < until) for since, until in self.nodes)
        place = bisect_right(self.capacity, t, key=lambda change: change[0])
        return self.capacity[place - 1][1] if place else 0

    def counts(self) -> tuple[tuple[float, int], ...]:
        """The available units as changes (second, count), the first at 0, for both kinds of pools."""
        return tuple(_node_counts(self.nodes)) if self.nodes else self.capacity

    def unit_seconds(self, end_s: float) -> float:
        """The sum over all units of the seconds that they are available, until `end_s`."""
        changes = [*((at, count) for at, count in self.counts() if at < end_s), (end_s, 0)]
        return math.fsum((until - at) * count for (at, count), (until, _) in pairwise(changes))

    def mean_count(self, end_s: float) -> float:
        """The mean number of available units until `end_s`."""
        return self.unit_seconds(end_s) / end_s


def _node_counts(nodes: tuple[tuple[float, float | None], ...]) -> Iterator[tuple[float, int]]:
    steps: dict[float, int] = {0.0: 0}
    for since, until in nodes:
        steps[since] = steps.get(since, 0) + 1
        if until is not None:
            steps[until] = steps.get(until, 0) - 1
    count = 0
    for at in sorted(steps):
        if steps[at] or not at:
            count += steps[at]
            yield at, count


@dataclass(frozen=True, kw_only=True)
class Market:
    """Pools over the same time, from 0 to `end_s`, with where they come from."""

    name: str
    source: str
    licence: str
    note: str
    end_s: float
    pools: tuple[MarketPool, ...]


@dataclass(frozen=True, kw_only=True)
class NoticeModel:
    """How long before its end an instance learns that it is interrupted.

    `lead_s`: seconds of a notice in time; 0: none. `absent`: share of the interruptions without a notice.
    `late`: share whose notice comes between 0 and `lead_s` before the end, uniformly.
    """

    lead_s: float = 120.0
    absent: float = 0.0
    late: float = 0.0

    def lead(self, rng: random.Random) -> float:
        """The seconds of notice of one interruption; 0: none."""
        drawn = rng.random()
        if drawn < self.absent:
            return 0.0
        return rng.uniform(0.0, self.lead_s) if drawn < self.absent + self.late else self.lead_s
