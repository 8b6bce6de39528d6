"""The capacity of a pool over time: which launches succeed, and which instances are reclaimed when.

Recorded capacity: when the count falls below the instances that run, the excess is reclaimed at that time, and
from the time of the notice on no launch fits that would not survive it. Nodes: a launch takes a node that is
there, and ends with it. Generated pools add a lifetime drawn at each launch, and waves.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from eddyline.sim.engine.instance import SimInstance, SimPool
from eddyline.sim.market.market import MarketPool, NoticeModel

if TYPE_CHECKING:
    from collections.abc import Sequence


class Timers(Protocol):
    """What a supply needs of an engine."""

    def at(self, when: float, action: Callable[[float], None]) -> None:
        """Call `action` with the time when it has come."""
        ...

    def reclaim(self, instance: SimInstance, end: float) -> None:
        """The instance is interrupted at `end`."""
        ...


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

    def take(self, instance: SimInstance, now: float) -> bool:  # noqa: ARG002, PLR6301 - the protocol
        """Always."""
        return True

    def release(self, instance: SimInstance, now: float) -> None:
        """Nothing to do."""


class RecordedSupply:
    """The capacity, hazard and waves of a market's pool."""

    def __init__(
        self, market: MarketPool, pool: SimPool, timers: Timers, *, notice: NoticeModel, rng: random.Random
    ) -> None:
        self._market = market
        self._pool = pool
        self._timers = timers
        self._rng = rng
        self._lead_s = notice.lead_s
        self._count = 0
        steps = lowered_ahead(market.capacity, self._lead_s)
        self._count = steps[0][1]
        for at, count in steps[1:]:
            timers.at(at, lambda now, count=count: self._change(now, count))  # type: ignore[misc]
        for wave in market.waves:
            when = max(wave.at - self._lead_s, 0.0)
            timers.at(when, lambda now, wave=wave: self._wave(now, wave.at, wave.share))  # type: ignore[misc]

    def take(self, instance: SimInstance, now: float) -> bool:
        """Whether the count of the pool is above its instances."""
        if len(self._pool.alive) >= self._count:
            return False
        if self._market.hazard is not None:
            end = now + self._market.hazard.lifetime(self._rng)
            if not math.isinf(end):
                self._timers.at(
                    max(end - self._lead_s, now), lambda _now: self._timers.reclaim(instance, end)
                )
        return True

    def release(self, instance: SimInstance, now: float) -> None:
        """Nothing to do: instances are counted by the pool."""

    def _change(self, now: float, count: int) -> None:
        self._count = count
        excess = len(self._pool.alive) - count
        if excess > 0:
            for instance in self._rng.sample(self._pool.alive, excess):
                self._timers.reclaim(instance, now + self._lead_s)

    def _wave(self, now: float, at: float, share: float) -> None:
        for instance in [each for each in self._pool.alive if self._rng.random() < share]:
            self._timers.reclaim(instance, max(at, now))


class NodeSupply:
    """Nodes that come and go; an instance is bound to one and ends with it."""

    def __init__(
        self, market: MarketPool, timers: Timers, *, notice: NoticeModel, rng: random.Random
    ) -> None:
        self._nodes = market.nodes
        self._timers = timers
        self._rng = rng
        self._lead_s = notice.lead_s
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
                self._timers.at(
                    max(end - self._lead_s, now), lambda _now: self._timers.reclaim(instance, end)
                )
            return True
        return False

    def release(self, instance: SimInstance, now: float) -> None:
        """The node is free again, unless it has gone."""
        end = self._nodes[instance.node][1]
        if end is None or end > now:
            self._there.append(instance.node)


def lowered_ahead(
    capacity: Sequence[tuple[float, int]], lead_s: float
) -> list[tuple[float, int]]:
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
