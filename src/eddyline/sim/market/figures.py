"""Figures of a market: available units, reclaims, and the share of the time without capacity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from eddyline.sim.market.market import HOUR_S, Market, MarketPool


@dataclass(frozen=True, kw_only=True)
class PoolFigures:
    """Figures of one pool over the whole time.

    `added` and `reclaimed` are units: of a pool of nodes, those that start and end; of any other, the
    increases and decreases of its capacity. `reclaims_per_unit_hour`: `reclaimed` by the available
    unit-hours; 0 without any. `dark`: share of the time without an available unit. Hazards and waves are not
    counted: they depend on what runs.
    """

    name: str
    type: str
    zone: str
    units: int
    mean: float
    least: int
    most: int
    added: int
    reclaimed: int
    reclaims_per_unit_hour: float
    dark: float


def summary(market: Market) -> tuple[PoolFigures, ...]:
    """The figures of each pool, in the order of the market."""
    return tuple(_pool_figures(pool, market.end_s) for pool in market.pools)


def _pool_figures(pool: MarketPool, end_s: float) -> PoolFigures:
    changes = [(at, count) for at, count in pool.counts() if at < end_s]
    counts = [count for _, count in changes]
    if pool.nodes:
        added, reclaimed = len(pool.nodes), sum(until is not None for _, until in pool.nodes)
    else:  # the first count is an increase from 0; a decrease at the very end is one too
        steps = [count - before for before, count in pairwise([0, *(count for _, count in pool.capacity)])]
        added = sum(step for step in steps if step > 0)
        reclaimed = -sum(step for step in steps if step < 0)
    unit_hours = pool.unit_seconds(end_s) / HOUR_S
    dark_s = math.fsum(
        until - at for (at, count), (until, _) in pairwise([*changes, (end_s, 0)]) if not count
    )
    return PoolFigures(
        name=pool.name,
        type=pool.type,
        zone=pool.zone,
        units=pool.units,
        mean=pool.mean_count(end_s),
        least=min(counts),
        most=max(counts),
        added=added,
        reclaimed=reclaimed,
        reclaims_per_unit_hour=reclaimed / unit_hours if unit_hours else 0.0,
        dark=dark_s / end_s,
    )
