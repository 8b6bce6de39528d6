"""The scaler: how much to launch where, and how much to drain. Pure, but for the time since when Spot lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eddyline.fleet.scaler.fallback import on_demand_power
from eddyline.fleet.scaler.pool_choice import choose_launches
from eddyline.fleet.scaler.rules import PoolReading, ScalerRules, WorkReading


@dataclass(slots=True, kw_only=True)
class ScalerDecision:
    """What to do now, in reference slots.

    `spot`, `on_demand`: power to launch, in the pools of `spot_order` and `on_demand_order` (number of the pool,
    instances), until there is enough. `drain_spot`, `drain_on_demand`: power to drain.
    """

    wanted: float
    spot: float = 0.0
    on_demand: float = 0.0
    drain_spot: float = 0.0
    drain_on_demand: float = 0.0
    spot_order: list[tuple[int, int]]
    on_demand_order: list[tuple[int, int]]


def wanted_power(work: WorkReading, rules: ScalerRules) -> float:
    """The reference slots that follow arrivals and do the waiting work within `backlog_s`."""
    return rules.base * work.arrival + work.waiting / rules.backlog_s


def decide(
    work: WorkReading, pools: Sequence[PoolReading], missing_since: float | None, rules: ScalerRules
) -> ScalerDecision:
    """The decision at `work.now`; `missing_since`: since when Spot has lacked capacity, if it does."""
    wanted = wanted_power(work, rules)
    spot = sum((pool.ready + pool.booting) * pool.power for pool in pools if pool.spot)
    on_demand = sum((pool.ready + pool.booting) * pool.power for pool in pools if not pool.spot)
    missing_s = 0.0 if missing_since is None else work.now - missing_since
    has_spot = any(pool.spot for pool in pools)
    needed = on_demand_power(work, spot, missing_s, rules) if has_spot else wanted
    decision = ScalerDecision(wanted=wanted, spot_order=[], on_demand_order=[])
    lacking = wanted - spot
    if has_spot and lacking > 0:
        decision.spot = lacking
        decision.spot_order = choose_launches(lacking, wanted, pools, rules, spot=True)
    if needed > on_demand:
        decision.on_demand = needed - on_demand
        decision.on_demand_order = choose_launches(needed - on_demand, wanted, pools, rules, spot=False)
    keep = wanted * (1 + rules.surplus)
    if has_spot:
        decision.drain_on_demand = max(on_demand - needed, 0.0)
        decision.drain_spot = max(spot - keep, 0.0)
    else:
        decision.drain_on_demand = max(on_demand - keep, 0.0)
    return decision
