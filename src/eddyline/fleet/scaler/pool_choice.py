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

    Instances larger than a share of the capacity `wanted` (reference slots) are left out where there are
    smaller ones: a fleet of a few large ones follows its work coarsely.
    """
    own = [number for number, pool in enumerate(pools) if pool.spot is spot]
    if not own:
        return []
    limit = max(rules.largest * wanted, min(pools[number].power for number in own))
    fitting = [number for number in own if pools[number].power <= limit]
    return sorted(fitting, key=lambda number: (work_price(pools[number], rules), number))
