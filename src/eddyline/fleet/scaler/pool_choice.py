"""Which pools to launch in: the cheapest work first, with what interruptions waste. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from eddyline.fleet.scaler.rules import PoolReading, ScalerRules

_HOUR_S = 3600.0


def hazard(pool: PoolReading, rules: ScalerRules) -> float:
    """Interruptions an hour of one instance: what was observed, weighed with what is assumed."""
    assumed = rules.prior_hazard * rules.prior_hours
    return (pool.interrupted + assumed) / (pool.hours + rules.prior_hours)


def work_price(pool: PoolReading, rules: ScalerRules) -> float:
    """Dollars for a reference slot-hour of work, the boots and the work that interruptions waste included."""
    price = pool.usd_h / pool.power
    if not pool.spot:
        return price
    wasted_h = (rules.boot_s + rules.job_s / 2) / _HOUR_S
    return price * (1 + wasted_h * hazard(pool, rules))


def launch_order(wanted: float, pools: Sequence[PoolReading], rules: ScalerRules, *, spot: bool) -> list[int]:
    """The pools to launch in, by number, the best first: go on with the next where one has no capacity.

    `wanted` is the capacity of the whole fleet, in reference slots. A fleet of few large instances follows
    its work coarsely: a part of an instance is more than is wanted. So the price of an instance rises with
    its share of the fleet, and instances that are larger than the fleet come last.
    """
    own = [number for number, pool in enumerate(pools) if pool.spot is spot]

    def price(number: int) -> tuple[bool, float, int]:
        share = pools[number].power / wanted if wanted > 0 else pools[number].power
        coarse = 1 + rules.coarseness * share
        return share > 1, work_price(pools[number], rules) * coarse, number

    return sorted(own, key=price)
