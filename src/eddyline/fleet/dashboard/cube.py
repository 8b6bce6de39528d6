"""Sums over machines by cell and step of time, from which all figures of the dashboard are added up.

A cell is one combination of pool, instance type, Availability Zone and lifecycle that occurs; what is not
known has cells too. Grouping is adding up cells, so the sums over any grouping equal those over the machines.

The sum of a quantity that grows with time (seconds, dollars) over the part of each machine's life within a
step needs no loop over steps: a machine counts from its start to the end of its first step, without the rest
of its last step, and whole in each step between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eddyline.fleet.dashboard.machines import (
    INTERRUPTION_CODE,
    ON_DEMAND_CODE,
    SPOT_CODE,
    Machines,
)
from eddyline.fleet.dashboard.price_curves import PriceBook
from eddyline.fleet.dashboard.window import Floats, Ints, Window

_HOUR_S = 3600.0
FREE_S = 3600.0
"""AWS does not bill an instance that it interrupts within this time of its launch (EC2 User Guide)."""

Measure = Callable[[Floats], Floats]
"""A quantity since any fixed time, at each of the times; it never decreases."""


@dataclass(frozen=True, kw_only=True)
class Cells:
    """The key of each cell, as codes of the columns of the machines."""

    pool: Ints
    type: Ints
    zone: Ints
    lifecycle: Ints

    def __len__(self) -> int:
        return len(self.pool)


@dataclass(frozen=True, kw_only=True)
class Cube:
    """Sums by cell (rows) and step (columns); counts, instance-seconds, vCPU-seconds and dollars.

    `launches` are in the step of the launch, `launches_interrupted` too: these launches ended by interruption
    so far. `ends` are in the step of the end, by code of `ENDS`. Of the seconds, `priced_s` have a known
    price: they cost `cost`, and On-Demand `on_demand_cost`; `free` of the cost is not billed.
    """

    window: Window
    machines: Machines
    cells: Cells
    seconds: Floats
    vcpu_s: Floats
    vcpu_unknown_s: Floats
    launches: Floats
    launches_interrupted: Floats
    ends: dict[int, Floats]
    priced_s: Floats
    cost: Floats
    on_demand_cost: Floats
    free: Floats

    @property
    def interruptions(self) -> Floats:
        """The ends by interruption."""
        return self.ends[INTERRUPTION_CODE]


def cube_of(machines: Machines, window: Window, prices: PriceBook) -> Cube:
    """The sums over the machines within the window, without those whose launch is not known."""
    machines = machines.where(~np.isnan(machines.launched))
    cells, cell = _cells(machines)
    size = (len(cells), window.steps)
    lives = _Lives.of(machines, cell, window, size)
    seconds = lives.sum(lambda times: times)
    vcpu = machines.vcpu.astype(np.float64)
    vcpu_s = lives.sum(lambda times: times, weight=vcpu)
    unknown_s = lives.sum(lambda times: times, weight=(machines.vcpu == 0).astype(np.float64))
    launched = _within(machines.launched, window)
    ended = _within(machines.terminated, window)
    interrupted = machines.ended_by == INTERRUPTION_CODE
    priced_s, cost, on_demand_cost, free = _money(machines, cells, lives, prices)
    return Cube(
        window=window,
        machines=machines,
        cells=cells,
        seconds=seconds,
        vcpu_s=vcpu_s,
        vcpu_unknown_s=unknown_s,
        launches=_count(machines.launched, cell, launched, window, size),
        launches_interrupted=_count(machines.launched, cell, launched & interrupted, window, size),
        ends={
            code: _count(machines.terminated, cell, ended & (machines.ended_by == code), window, size)
            for code in (1, 2, 3)
        },
        priced_s=priced_s,
        cost=cost,
        on_demand_cost=on_demand_cost,
        free=free,
    )


@dataclass(frozen=True, kw_only=True)
class _Lives:
    """The lives of machines within a window: where each begins and ends, and in which steps."""

    window: Window
    size: tuple[int, int]
    chosen: Ints
    cell: Ints
    begin: Floats
    end: Floats
    first: Ints
    last: Ints

    @classmethod
    def of(cls, machines: Machines, cell: Ints, window: Window, size: tuple[int, int]) -> _Lives:
        begin = np.maximum(machines.launched, window.start)
        end = np.fmin(machines.terminated, window.stop)  # NaN: it runs
        chosen = np.flatnonzero(end > begin)  # false where the launch is not known
        begin, end = begin[chosen], end[chosen]
        last = np.searchsorted(window.edges, end, side="left") - 1
        return cls(
            window=window,
            size=size,
            chosen=chosen,
            cell=cell[chosen],
            begin=begin,
            end=end,
            first=window.index(begin),
            last=last.astype(np.int64),
        )

    def sum(self, measure: Measure, *, weight: Floats | None = None) -> Floats:
        """The growth of a measure over all lives, by cell and step."""
        factor = np.ones(len(self.cell)) if weight is None else weight[self.chosen]
        return self._sum(slice(None), self.cell, self.size, measure, factor)

    def row(self, places: Ints, measure: Measure) -> Floats:
        """The growth of a measure over the lives at these places, by step."""
        cell = np.zeros(len(places), np.int64)
        found: Floats = self._sum(places, cell, (1, self.size[1]), measure, np.ones(len(places)))[0]
        return found

    def _sum(
        self, part: Ints | slice, cell: Ints, size: tuple[int, int], measure: Measure, factor: Floats
    ) -> Floats:
        first, last = self.first[part], self.last[part]
        at_edges = measure(self.window.edges)
        change = _add(cell, first, factor, size) - _add(cell, last, factor, size)
        inside = np.cumsum(change, axis=1) - change
        grown: Floats = np.asarray(
            _add(cell, first, factor * (at_edges[first + 1] - measure(self.begin[part])), size)
            - _add(cell, last, factor * (at_edges[last + 1] - measure(self.end[part])), size)
            + inside * np.diff(at_edges)
        )
        return grown


def _add(cell: Ints, step: Ints, values: Floats, size: tuple[int, int]) -> Floats:
    flat = np.bincount(cell * size[1] + step, values, size[0] * size[1]).astype(np.float64)
    found: Floats = flat.reshape(size)
    return found


def _cells(machines: Machines) -> tuple[Cells, Ints]:
    """The cells that occur, and the cell of each machine."""
    sizes = [int(column.max(initial=0)) + 1 for column in (machines.type, machines.zone, machines.lifecycle)]
    key = machines.pool
    for column, size in zip((machines.type, machines.zone, machines.lifecycle), sizes, strict=True):
        key = key * size + column
    _, first, cell = np.unique(key, return_index=True, return_inverse=True)
    cells = Cells(
        pool=machines.pool[first],
        type=machines.type[first],
        zone=machines.zone[first],
        lifecycle=machines.lifecycle[first],
    )
    return cells, cell.reshape(-1).astype(np.int64)


def _within(times: Floats, window: Window) -> npt.NDArray[np.bool_]:
    return (times >= window.start) & (times < window.stop)


def _count(
    times: Floats, cell: Ints, chosen: npt.NDArray[np.bool_], window: Window, size: tuple[int, int]
) -> Floats:
    return _add(cell[chosen], window.index(times[chosen]), np.ones(int(chosen.sum())), size)


def _money(
    machines: Machines, cells: Cells, lives: _Lives, prices: PriceBook
) -> tuple[Floats, Floats, Floats, Floats]:
    """The seconds with a known price, their cost, what they cost On-Demand, and what is not billed."""
    priced_s, cost, on_demand_cost, free = (np.zeros(lives.size) for _ in range(4))
    if prices.is_empty:
        return priced_s, cost, on_demand_cost, free
    types, zones = machines.words.type.texts, machines.words.zone.texts
    refunded = (
        (machines.ended_by == INTERRUPTION_CODE) & (machines.terminated - machines.launched < FREE_S)
    )[lives.chosen]
    order = np.argsort(lives.cell, kind="stable")
    bounds = np.searchsorted(lives.cell[order], np.arange(len(cells) + 1))
    for number in range(len(cells)):
        hourly = prices.on_demand.get(types[cells.type[number]])
        if hourly is None:
            continue
        places = order[bounds[number] : bounds[number + 1]]
        if cells.lifecycle[number] == ON_DEMAND_CODE:
            priced_s[number] = lives.row(places, lambda times: times)
            cost[number] = on_demand_cost[number] = priced_s[number] * hourly / _HOUR_S
            continue
        curve = prices.spot.get((types[cells.type[number]], zones[cells.zone[number]]))
        if cells.lifecycle[number] != SPOT_CODE or curve is None:
            continue
        priced_s[number] = lives.row(places, curve.known_s)
        on_demand_cost[number] = priced_s[number] * hourly / _HOUR_S
        cost[number] = lives.row(places, curve.cost)
        unbilled = places[refunded[places]]
        dollars = curve.cost(lives.end[unbilled]) - curve.cost(lives.begin[unbilled])
        free[number] = np.bincount(lives.last[unbilled], dollars, lives.size[1])
    return priced_s, cost, on_demand_cost, free
