"""Makes several pools of one trace: each pool is repeated with a shift in time that wraps around the end.

One trace is one sample. Its rotations are pools that are reclaimed at different times, as the pools of
several zones are; they have the same available instance-seconds. At the seam, where the end of the trace
meets its start, the capacity changes at once from the last count to the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from eddyline.core.errors import UsageError
from eddyline.sim.market.market import Market, MarketPool, Wave
from eddyline.sim.market.parse import MAX_ENTRIES, MAX_POOLS, MAX_UNITS


def rotate(market: Market, rotations: int) -> Market:
    """A market with `rotations` pools for each pool, the i-th `NAME+i` shifted by i * end_s / rotations.

    Its zone is `ZONE+i`. One rotation is the market itself.
    """
    if not 1 <= rotations <= MAX_POOLS // len(market.pools):
        raise UsageError(
            f"{rotations} rotations of {len(market.pools)} pools; a market has at most {MAX_POOLS:,} pools",
            remedy="pass at least 1 rotation, and fewer",
        )
    entries = sum(len(pool.capacity) + len(pool.nodes) + len(pool.waves) for pool in market.pools)
    _check_entries(entries * rotations)
    if rotations == 1:
        return market
    pools = [
        _rotated(pool, number, number * market.end_s / rotations, market.end_s)
        for pool in market.pools
        for number in range(rotations)
    ]
    return replace(market, pools=tuple(pools))


def scale(market: Market, instances_per_unit: int) -> Market:
    """A market whose pools have `instances_per_unit` instances for each unit; nodes are repeated."""
    most = max(pool.units for pool in market.pools)
    if not 1 <= instances_per_unit <= MAX_UNITS // most:
        raise UsageError(
            f"{instances_per_unit} instances for each of {most} units; a pool has at most {MAX_UNITS:,}",
            remedy="pass at least 1 instance a unit, and fewer",
        )
    _check_entries(sum(len(pool.nodes) for pool in market.pools) * instances_per_unit)
    pools = [
        replace(
            pool,
            units=pool.units * instances_per_unit,
            capacity=tuple((at, count * instances_per_unit) for at, count in pool.capacity),
            nodes=tuple(node for node in pool.nodes for _ in range(instances_per_unit)),
        )
        for pool in market.pools
    ]
    return replace(market, pools=tuple(pools))


def _check_entries(entries: int) -> None:
    if entries > MAX_ENTRIES:
        raise UsageError(
            f"the market would have {entries:,} changes and nodes, more than {MAX_ENTRIES:,}",
            remedy="pass fewer rotations or instances a unit",
        )


def _rotated(pool: MarketPool, number: int, shift: float, end_s: float) -> MarketPool:
    waves = tuple(Wave(at=(wave.at + shift) % end_s, share=wave.share) for wave in pool.waves)
    nodes = [part for since, until in pool.nodes for part in _shifted_node(since, until, shift, end_s)]
    return replace(
        pool,
        name=f"{pool.name}+{number}",
        zone=f"{pool.zone}+{number}",
        capacity=tuple(_shifted_changes(pool, shift, end_s)) if pool.capacity else (),
        nodes=tuple(sorted(nodes, key=lambda node: node[0])),
        waves=tuple(sorted(waves, key=lambda wave: wave.at)),
    )


def _shifted_changes(pool: MarketPool, shift: float, end_s: float) -> Iterator[tuple[float, int]]:
    changes = {0.0: pool.count_at(end_s - shift)} if shift else {}
    before_end = [(at, count) for at, count in pool.capacity if at < end_s]
    # A later change wins if two fall on the same float: those that wrapped come first.
    changes |= {at + shift - end_s: count for at, count in before_end if at + shift >= end_s}
    changes |= {at + shift: count for at, count in before_end if at + shift < end_s}
    last = -1
    for at in sorted(changes):
        if changes[at] != last:
            last = changes[at]
            yield at, last


def _shifted_node(
    since: float, until: float | None, shift: float, end_s: float
) -> Iterator[tuple[float, float | None]]:
    """The parts of a node; one that crosses the end is there until the end, and again from the start."""
    start, end = since + shift, (end_s if until is None else until) + shift
    if start >= end_s:
        start, end = start - end_s, end - end_s
    if start < min(end, end_s):
        yield start, end if end < end_s or (end == end_s and until is not None) else None
    if end > end_s:
        yield 0.0, end - end_s
