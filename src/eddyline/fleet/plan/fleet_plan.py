"""The plan of all pools: quotas, fixed costs, what was assumed, and which figures are missing."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from eddyline.fleet.catalogue import Catalogue
from eddyline.fleet.plan.fixed_costs import FixedCost, FixedCostOptions, fixed_costs
from eddyline.fleet.plan.pool_plan import PoolPlan, plan_pool
from eddyline.fleet.plan.quotas import QuotaNeed, needed_quotas
from eddyline.fleet.plan.type_plan import Work
from eddyline.fleet.pools import Pool


@dataclass(frozen=True, kw_only=True)
class FleetPlan:
    """The plan; `spot_prices` is their source, and `missing` says which option adds which figures."""

    region: str
    zones: tuple[str, ...]
    zones_assumed: bool
    spot_prices: str
    work: Work
    pools: tuple[PoolPlan, ...]
    quotas: tuple[QuotaNeed, ...]
    fixed: tuple[FixedCost, ...]
    missing: tuple[str, ...]


def assumed_zones(region: str) -> tuple[str, ...]:
    """Three zones of a region, where none are given."""
    return tuple(f"{region}{letter}" for letter in "abc")


def plan_fleet(
    pools: Iterable[Pool],
    catalogue: Catalogue,
    *,
    region: str,
    zones: Collection[str],
    work: Work,
    fixed: FixedCostOptions,
) -> FleetPlan:
    """The plan of all pools; `zones` empty: three are assumed."""
    used = tuple(zones) or assumed_zones(region)
    plans = tuple(plan_pool(pool, catalogue, zones=used, work=work) for pool in pools)
    return FleetPlan(
        region=region,
        zones=used,
        zones_assumed=not zones,
        spot_prices=catalogue.spot_source if catalogue.spot else "",
        work=work,
        pools=plans,
        quotas=needed_quotas((group for each in plans for group in each.groups()), granted=catalogue.quotas),
        fixed=fixed_costs(fixed, zones=len(used)),
        missing=_missing(catalogue),
    )


def _missing(catalogue: Catalogue) -> tuple[str, ...]:
    options = (
        (catalogue.types, "--instance-types FILE (or --live): matching types, slots, checks of vCPU"),
        (catalogue.on_demand, "--prices FILE: On-Demand prices, and price protection"),
        (catalogue.spot, "--advisor FILE with --prices (or --live): Spot prices"),
        (catalogue.bands, "--advisor FILE: interruption bands"),
        (catalogue.throughput, "--throughput FILE: dollars for 1,000 minutes of output"),
    )
    return tuple(text for found, text in options if not found)
