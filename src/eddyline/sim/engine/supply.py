"""The capacity of a pool over time: which launches succeed, and which instances are reclaimed when.

Recorded capacity: when the count falls below the instances that run, the excess is reclaimed at that time,
and from the time of the notice on no launch fits that would not survive it. Nodes: a launch takes a node
that is there, and ends with it. Generated pools add a lifetime drawn at each launch, and waves.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeAlias

from eddyline.sim.engine.instance import SimInstance, SimPool
from eddyline.sim.engine.timers import Timers
from eddyline.sim.market.market import MarketPool, Wave

Reclaim: TypeAlias = Callable[[SimInstance, float], None]
"""Called when it is certain that the market takes an instance back, with the time of its end."""


class Supply(Protocol):
    """Decides about launches in one pool."""

    def take(self, instance: SimInstance, now: float) -> bool:
        """Whether there is capacity for this instance; its end is scheduled if it is known."""
        ...

    def release(self, instance: SimInstance, now: float) -> None:
        """The instance has ended."""
        ...


class Unlimited:
    """On-Demand capacity, of which there is always enough."""

    def take(self, instance: SimInstance, now: float) -> bool:  # noqa: ARG002 - the protocol
        """Take the machine; always True."""
        return True

    def release(self, instance: SimInstance, now: float) -> None:
        """Nothing to do."""


class RecordedSupply:
    """The capacity, hazard and waves of a market's pool."""

    def __init__(
        self,
        market: MarketPool,
        pool: SimPool,
        timers: Timers,
        reclaim: Reclaim,
        *,
        lead_s: float,
        rng: random.Random,
    ) -> None:
        self._hazard = market.hazard
        self._pool = pool
        self._timers = timers
        self._reclaim = reclaim
        self._rng = rng
        self._lead_s = lead_s
        steps = lowered_ahead(market.capacity, self._lead_s)
        self._count = steps[0][1]
        for at, count in steps[1:]:
            timers.at(at, partial(self._change, count))
        for wave in market.waves:
            timers.at(max(wave.at - lead_s, 0.0), partial(self._wave, wave))

    def take(self, instance: SimInstance, now: float) -> bool:
        """Whether the count of the pool is above its instances."""
        if len(self._pool.holding) >= self._count:
            return False
        if self._hazard is not None:
            end = now + self._hazard.lifetime(self._rng)
            if not math.isinf(end):
                self._timers.at(max(end - self._lead_s, now), lambda _: self._reclaim(instance, end))
        return True

    def release(self, instance: SimInstance, now: float) -> None:
        """Nothing to do: instances are counted by the pool."""

    def _change(self, count: int, now: float) -> None:
        self._count = count
        excess = len(self._pool.holding) - count
        if excess > 0:
            for instance in self._rng.sample(self._pool.holding, excess):
                self._reclaim(instance, now + self._lead_s)

    def _wave(self, wave: Wave, now: float) -> None:
        for instance in [each for each in self._pool.holding if self._rng.random() < wave.share]:
            self._reclaim(instance, max(wave.at, now))


class NodeSupply:
    """Nodes that come and go; an instance is bound to one and ends with it."""

    def __init__(
        self,
        market: MarketPool,
        timers: Timers,
        reclaim: Reclaim,
        *,
        lead_s: float,
        rng: random.Random,
    ) -> None:
        self._nodes = market.nodes
        self._timers = timers
        self._reclaim = reclaim
        self._rng = rng
        self._lead_s = lead_s
        self._coming = [(start, number) for number, (start, _) in enumerate(market.nodes)]
        heapq.heapify(self._coming)
        self._there: list[int] = []

    def take(self, instance: SimInstance, now: float) -> bool:
        """Whether a node is there that no instance has."""
        while self._coming and self._coming[0][0] <= now:
            self._there.append(heapq.heappop(self._coming)[1])
        while self._there:
            place = int(self._rng.random() * len(self._there))
            node = self._there[place]
            self._there[place] = self._there[-1]
            self._there.pop()
            end = self._nodes[node][1]
            if end is not None and end <= now:
                continue
            instance.node = node
            if end is not None:
                self._timers.at(max(end - self._lead_s, now), partial(self._node_ends, instance, end))
            return True
        return False

    def release(self, instance: SimInstance, now: float) -> None:
        """The node is free again, unless it is gone."""
        end = self._nodes[instance.node][1]
        if end is None or end > now:
            self._there.append(instance.node)

    def _node_ends(self, instance: SimInstance, end: float, _: float) -> None:
        self._reclaim(instance, end)


def lowered_ahead(capacity: Sequence[tuple[float, int]], lead_s: float) -> list[tuple[float, int]]:
    """At each time the least count until `lead_s` later: the changes of what survives the notice time."""
    times = sorted({at for at, _ in capacity} | {max(at - lead_s, 0.0) for at, _ in capacity})
    result: list[tuple[float, int]] = []
    starts = [at for at, _ in capacity]
    counts = [count for _, count in capacity]
    window: list[tuple[int, int]] = []  # a monotone queue of (count, place)
    head = upcoming = 0
    current = 0
    for now in times:
        while upcoming < len(starts) and starts[upcoming] <= now + lead_s:
            while len(window) > head and window[-1][0] >= counts[upcoming]:
                window.pop()
            window.append((counts[upcoming], upcoming))
            upcoming += 1
        while current + 1 < len(starts) and starts[current + 1] <= now:
            current += 1
        while window[head][1] < current:
            head += 1
        if not result or result[-1][1] != window[head][0]:
            result.append((now, window[head][0]))
    return result
