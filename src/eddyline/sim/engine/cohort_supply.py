"""The capacity of a pool for instances in counts; the same rules as `supply` has for single instances."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from eddyline.sim.engine.cohort import Cohort, CohortPool
from eddyline.sim.engine.supply import lowered_ahead
from eddyline.sim.engine.timers import Timers
from eddyline.sim.market.market import HOUR_S, Hazard, MarketPool, Wave

Reclaim: TypeAlias = Callable[[Cohort, int, float], None]
"""Called when it is certain that the market takes so many instances of a cohort back, with their end.

They were removed from the cohort's count.
"""


class CohortSupply(Protocol):
    """Decides about launches in one pool."""

    def take(self, count: int, now: float) -> int:
        """How many of `count` instances there is capacity for."""
        ...

    def begin(self, cohort: Cohort, now: float) -> None:
        """A cohort of the instances just taken was launched; its ends are scheduled if they are known."""
        ...

    def release(self, cohort: Cohort, count: int, now: float) -> None:
        """Drained instances have ended."""
        ...


class UnlimitedCohorts:
    """On-Demand capacity, of which there is always enough."""

    def take(self, count: int, now: float) -> int:  # noqa: ARG002 - the protocol
        """Take all `count` machines."""
        return count

    def begin(self, cohort: Cohort, now: float) -> None:
        """Nothing to do."""

    def release(self, cohort: Cohort, count: int, now: float) -> None:
        """Nothing to do."""


class RecordedCohorts:
    """The capacity, hazard and waves of a market's pool."""

    def __init__(
        self,
        market: MarketPool,
        pool: CohortPool,
        timers: Timers,
        reclaim: Reclaim,
        *,
        lead_s: float,
        until: float,
        rng: np.random.Generator,
    ) -> None:
        self._hazard = market.hazard
        self._pool = pool
        self._timers = timers
        self._reclaim = reclaim
        self._lead_s = lead_s
        self._until = until
        self._rng = rng
        steps = lowered_ahead(market.capacity, lead_s)
        self._count = steps[0][1]
        for at, count in steps[1:]:
            timers.at(at, partial(self._change, count))
        for wave in market.waves:
            timers.at(max(wave.at - lead_s, 0.0), partial(self._wave, wave))

    def take(self, count: int, now: float) -> int:  # noqa: ARG002 - the protocol
        """As many as the count of the pool is above its instances."""
        return max(min(count, self._count - self._pool.held), 0)

    def begin(self, cohort: Cohort, now: float) -> None:
        """Draw the lifetimes of all instances; those that end after the run are not kept."""
        if self._hazard is None:
            return
        ends = now + lifetimes(self._hazard, cohort.count, self._rng)
        ends = np.sort(ends[ends < self._until])
        if len(ends):
            self._next_end(cohort, ends.tolist()[::-1], now)

    def release(self, cohort: Cohort, count: int, now: float) -> None:
        """Nothing to do: instances are counted by the pool."""

    def _next_end(self, cohort: Cohort, ends: list[float], now: float) -> None:
        self._timers.at(max(ends[-1] - self._lead_s, now), partial(self._lifetime_ends, cohort, ends))

    def _lifetime_ends(self, cohort: Cohort, ends: list[float], now: float) -> None:
        """One lifetime of the cohort ends: that of an instance that is there, or of one that has left."""
        if not cohort.count:
            return
        is_there = self._rng.random() * cohort.lifetimes < cohort.count
        cohort.lifetimes -= 1
        end = ends.pop()
        if is_there:
            cohort.count -= 1
            self._reclaim(cohort, 1, end)
        if ends:
            self._next_end(cohort, ends, now)

    def _change(self, count: int, now: float) -> None:
        self._count = count
        excess = self._pool.held - count
        if excess > 0:
            draining = self._pool.draining
            # Drained instances end soon; those of them that the market takes back are not followed.
            own = (
                self._rng.hypergeometric(self._pool.held - draining, draining, excess) if draining else excess
            )
            self._take_back(self._pool.pick(int(own), self._rng), now + self._lead_s)

    def _wave(self, wave: Wave, now: float) -> None:
        hit = [(each, int(self._rng.binomial(each.count, wave.share))) for each in self._pool.cohorts]
        for each, count in hit:
            each.count -= count
        self._take_back([(each, count) for each, count in hit if count], max(wave.at, now))

    def _take_back(self, picked: list[tuple[Cohort, int]], end: float) -> None:
        for cohort, count in picked:
            self._reclaim(cohort, count, end)


class NodeCohorts:
    """Nodes that come and go; each instance is a cohort, is bound to a node and ends with it."""

    def __init__(
        self,
        market: MarketPool,
        timers: Timers,
        reclaim: Reclaim,
        *,
        lead_s: float,
        rng: np.random.Generator,
    ) -> None:
        self._nodes = market.nodes
        self._timers = timers
        self._reclaim = reclaim
        self._lead_s = lead_s
        self._rng = rng
        self._coming = [(start, number) for number, (start, _) in enumerate(market.nodes)]
        heapq.heapify(self._coming)
        self._there: list[int] = []
        self._taken: list[int] = []
        self._node_of: dict[Cohort, int] = {}

    def take(self, count: int, now: float) -> int:
        """One instance, if a node is there that no instance has."""
        while self._coming and self._coming[0][0] <= now:
            self._there.append(heapq.heappop(self._coming)[1])
        while self._there and count:
            place = int(self._rng.random() * len(self._there))
            node = self._there[place]
            self._there[place] = self._there[-1]
            self._there.pop()
            end = self._nodes[node][1]
            if end is None or end > now:
                self._taken.append(node)
                return 1
        return 0

    def begin(self, cohort: Cohort, now: float) -> None:
        """Bind the instance to the node that was taken."""
        node = self._node_of[cohort] = self._taken.pop()
        end = self._nodes[node][1]
        if end is not None:
            self._timers.at(max(end - self._lead_s, now), partial(self._node_ends, cohort, end))

    def release(self, cohort: Cohort, count: int, now: float) -> None:  # noqa: ARG002 - the protocol
        """The node is free again, unless it is gone."""
        node = self._node_of.pop(cohort)
        end = self._nodes[node][1]
        if end is None or end > now:
            self._there.append(node)

    def _node_ends(self, cohort: Cohort, end: float, _: float) -> None:
        if cohort.count:
            cohort.count = 0
            del self._node_of[cohort]
            self._reclaim(cohort, 1, end)


def lifetimes(hazard: Hazard, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """The ages in seconds at which instances are interrupted; `Hazard.lifetime` of many instances."""
    found = np.full(count, math.inf)
    if hazard.per_hour > 0:
        np.minimum(found, rng.standard_exponential(count) / hazard.per_hour * HOUR_S, out=found)
    if hazard.early_per_hour > 0:
        spent = rng.standard_exponential(count) * HOUR_S / (hazard.early_per_hour * hazard.early_s)
        is_early = spent < 1
        found[is_early] = np.minimum(found[is_early], -hazard.early_s * np.log1p(-spent[is_early]))
    if hazard.late_per_hour > 0:
        spent = rng.standard_exponential(count) * HOUR_S / hazard.late_per_hour
        growing = hazard.late_s / 5  # the integral of (age / late_s) ** 4 up to late_s
        late = np.where(
            spent < growing, hazard.late_s * (spent / growing) ** 0.2, hazard.late_s + spent - growing
        )
        np.minimum(found, late, out=found)
    return found
