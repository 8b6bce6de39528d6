"""Which pools to launch in: the cheapest work first, with what interruptions waste."""

from __future__ import annotations

from collections.abc import Sequence

from eddyline.fleet.scaler.rules import PoolReading, ScalerRules

_HOUR_S = 3600.0


def hazard(pool: PoolReading, rules: ScalerRules) -> float:
    """Interruptions an hour of one instance: what was observed, weighed with what is assumed."""
    assumed = rules.prior_hazard * rules.prior_hours
    return (pool.interrupted + assumed) / (pool.hours + rules.prior_hours)


def work_price(pool: PoolReading, rules: ScalerRules) -> float:
    """Dollars for a reference slot-hour of work, with the boots and the work that interruptions waste."""
    price = pool.usd_h / pool.power
    if not pool.spot:
        return price
    wasted_h = (rules.boot_s + rules.job_s / 2) / _HOUR_S
    return price * (1 + wasted_h * hazard(pool, rules))


def choose_launches(
    power: float, wanted: float, pools: Sequence[PoolReading], rules: ScalerRules, *, spot: bool
) -> list[tuple[int, int]]:
    """How many instances to launch in which pools, in order of preference, for `power` reference slots.

    The list may offer more than `power`: the caller goes on with the next pool where one has no capacity, and
    stops once it has enough. Instances larger than a share of the capacity `wanted` are left out where smaller
    ones exist: a fleet of a few large ones follows the work coarsely.
    """
    own = [number for number, pool in enumerate(pools) if pool.spot is spot]
    if not own:
        return []
    smallest = min(pools[number].power for number in own)
    limit = max(rules.largest * wanted, smallest)
    fitting = [number for number in own if pools[number].power <= limit]
    fitting.sort(key=lambda number: (work_price(pools[number], rules), number))
    return [(number, int(power / pools[number].power + 0.5)) for number in fitting]
