"""Sums over machines by cell and step of time, from which all figures of the dashboard are added up.

A cell is one combination of pool, instance type, Availability Zone and lifecycle that occurs; what is not
known has cells too. Grouping is adding up cells, so the sums over any grouping equal those over the machines.

The sum of a quantity that grows with time (seconds, dollars) over the part of each machine's life within a
step needs no loop over steps: a machine counts from its start to the end of its first step, without the rest
of its last step, and whole in each step between.
"""

from __future__ import annotations

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
    seconds = lives.seconds()
    vcpu = machines.vcpu.astype(np.float64)
    vcpu_s = lives.seconds(vcpu)
    unknown_s = lives.seconds((machines.vcpu == 0).astype(np.float64))
    launched = _within(machines.launched, window)
    ended = _within(machines.terminated, window)
    interrupted = machines.ended_by == INTERRUPTION_CODE
    priced_s, cost, on_demand_cost, free = _money(machines, cells, lives, seconds, prices)
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

    def seconds(self, weight: Floats | None = None) -> Floats:
        """The seconds of all lives, by cell and step; each life counts with its `weight`."""
        factor = np.ones(len(self.cell)) if weight is None else weight[self.chosen]
        return self.grown(self.window.edges[None, :], self.begin, self.end, factor)

    def grown(
        self, at_edges: Floats, at_begin: Floats, at_end: Floats, factor: Floats | float = 1.0
    ) -> Floats:
        """The growth of a quantity over all lives, by cell and step.

        `at_edges` has its value at the edges of the window, for each cell or (one row) for all; `at_begin`
        and `at_end` have it at the begin and the end of each life.
        """
        row = self.cell if len(at_edges) > 1 else np.zeros_like(self.cell)
        factors = np.broadcast_to(np.asarray(factor, np.float64), self.cell.shape)
        change = self._add(self.first, factors) - self._add(self.last, factors)
        inside = np.cumsum(change, axis=1) - change
        started = self._add(self.first, factors * (at_edges[row, self.first + 1] - at_begin))
        finished = self._add(self.last, factors * (at_edges[row, self.last + 1] - at_end))
        grown: Floats = started - finished + inside * np.diff(at_edges, axis=1)
        return grown

    def _add(self, step: Ints, values: Floats) -> Floats:
        return _add(self.cell, step, values, self.size)


def _add(cell: Ints, step: Ints, values: Floats, size: tuple[int, int]) -> Floats:
    flat = np.bincount(cell * size[1] + step, values, size[0] * size[1]).astype(np.float64)
    found: Floats = flat.reshape(size)
    return found


def _cells(machines: Machines) -> tuple[Cells, Ints]:
    """The cells that occur, and the cell of each machine."""
    columns = (machines.pool, machines.type, machines.zone, machines.lifecycle)
    sizes = [int(column.max(initial=0)) + 1 for column in columns]
    key = columns[0]
    for column, size in zip(columns[1:], sizes[1:], strict=True):
        key = key * size + column
    keys = np.unique(key)
    pool, kind, zone, lifecycle = np.unravel_index(keys, sizes)
    cells = Cells(pool=pool, type=kind, zone=zone, lifecycle=lifecycle)
    return cells, np.searchsorted(keys, key).astype(np.int64)


def _within(times: Floats, window: Window) -> npt.NDArray[np.bool_]:
    return (times >= window.start) & (times < window.stop)


def _count(
    times: Floats, cell: Ints, chosen: npt.NDArray[np.bool_], window: Window, size: tuple[int, int]
) -> Floats:
    return _add(cell[chosen], window.index(times[chosen]), np.ones(int(chosen.sum())), size)


def _money(
    machines: Machines, cells: Cells, lives: _Lives, seconds: Floats, prices: PriceBook
) -> tuple[Floats, Floats, Floats, Floats]:
    """The seconds with a known price, their cost, what they cost On-Demand, and what is not billed."""
    if prices.is_empty or not len(cells):
        zeros = np.zeros(lives.size)
        return zeros, zeros, zeros, zeros
    types = machines.words.type.texts
    hourly = np.array([prices.on_demand.get(types[code], np.nan) for code in cells.type])[:, None]
    priced = np.nan_to_num(hourly)
    known_s, spot_cost, free = _spot(machines, cells, lives, prices, has_price=~np.isnan(hourly[:, 0]))
    on_demand = (cells.lifecycle == ON_DEMAND_CODE)[:, None] & ~np.isnan(hourly)
    priced_s = np.where(on_demand, seconds, known_s)
    full = priced_s * priced / _HOUR_S
    return priced_s, np.where(on_demand, full, spot_cost), full, free


def _spot(
    machines: Machines, cells: Cells, lives: _Lives, prices: PriceBook, *, has_price: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    """Of Spot Instances: the seconds with a known price, their cost, and what of it is not billed."""
    edges = lives.window.edges
    count, steps = len(cells), len(edges)
    known_edges, cost_edges = np.zeros((count, steps)), np.zeros((count, steps))
    known, cost = np.zeros((2, len(lives.cell))), np.zeros((2, len(lives.cell)))
    types, zones = machines.words.type.texts, machines.words.zone.texts
    # Cells of several pools have the same type and zone, and so the same curve.
    pair = np.where((cells.lifecycle == SPOT_CODE) & has_price, cells.type * len(zones) + cells.zone, -1)
    pair_of_life = pair[lives.cell]
    order = np.argsort(pair_of_life)
    pairs = np.unique(pair[pair >= 0])
    starts = np.searchsorted(pair_of_life[order], pairs, side="left")
    stops = np.searchsorted(pair_of_life[order], pairs, side="right")
    for code, start, stop in zip(pairs.tolist(), starts.tolist(), stops.tolist(), strict=True):
        curve = prices.spot.get((types[code // len(zones)], zones[code % len(zones)]))
        if curve is None:
            continue
        places, rows = order[start:stop], pair == code
        times = np.concatenate((lives.begin[places], lives.end[places], edges))
        for curve_at, of_lives, at_edges in (
            (curve.known_s(times), known, known_edges),
            (curve.cost(times), cost, cost_edges),
        ):
            of_lives[:, places] = curve_at[:-steps].reshape(2, -1)
            at_edges[rows] = curve_at[-steps:]
    refunded = (machines.ended_by == INTERRUPTION_CODE) & (machines.terminated - machines.launched < FREE_S)
    dollars = np.where(refunded[lives.chosen], cost[1] - cost[0], 0.0)
    return (
        lives.grown(known_edges, known[0], known[1]),
        lives.grown(cost_edges, cost[0], cost[1]),
        _add(lives.cell, lives.last, dollars, lives.size),
    )
