"""The policies that are compared, by name: in what they launch, whether they drain, and what decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from eddyline.core.errors import UsageError
from eddyline.fleet.scaler.rules import ScalerRules
from eddyline.fleet.scaling.bounds import Bounds
from eddyline.sim.engine.control import Policy
from eddyline.sim.engine.fleet import FleetRules
from eddyline.sim.engine.instance import Offer
from eddyline.sim.market.market import MarketPool
from eddyline.sim.policies.allocation import Strategy
from eddyline.sim.policies.aws_scaling import AwsScalingPolicy
from eddyline.sim.policies.scaler_policy import ScalerPolicy
from eddyline.sim.world import ATTRIBUTES_ON_DEMAND, CLASSIC_ON_DEMAND, Supply, World

LABELS: Mapping[str, str] = {
    "on-demand-own": "On-Demand, the types of the market",
    "on-demand-best": "On-Demand, the cheapest type per frame",
    "on-demand-classic": f"On-Demand, published list ({CLASSIC_ON_DEMAND})",
    "on-demand-attributes": f"On-Demand, published attributes ({ATTRIBUTES_ON_DEMAND})",
    "spot-naive": "Spot, one pool, no drain",
    "published-classic": "published set-up, listed types",
    "published-attributes": "published set-up, attributes",
    "aws-scaling": "Eddyline, scaled by AWS",
    "aws-scaling-cheapest": "Eddyline, scaled by AWS, lowest price",
    "eddyline": "Eddyline, own scaler",
    "eddyline-uninterrupted": "Eddyline, Spot never interrupted",
    "oracle": "oracle",
}
_MOST_VCPU = 1_000_000
_TEN_BEST = 10


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Everything of a run but its arrivals. `make` makes the policy for a target time of the backlog."""

    offers: Sequence[Offer]
    pools: Mapping[str, MarketPool]
    rules: FleetRules
    make: Callable[[float], Policy]


def fleet_rules(world: World) -> FleetRules:
    """The rules of the fleet in a scenario."""
    scenario = world.scenario
    return FleetRules(boot_s=scenario.boot_s, notice=scenario.notice.model())


def policy_setup(name: str, world: World, deadline_s: float) -> Setup:
    """The set-up of a policy; raises `UsageError` for a policy that the market does not allow."""
    rules = fleet_rules(world)
    on_demand = {
        "on-demand-own": lambda: world.own_on_demand,
        "on-demand-best": lambda: world.best_on_demand,
        "on-demand-classic": lambda: world.on_demand([CLASSIC_ON_DEMAND]),
        "on-demand-attributes": lambda: world.on_demand([ATTRIBUTES_ON_DEMAND]),
    }
    if name in on_demand:
        return Setup(offers=on_demand[name](), pools={}, rules=rules, make=_scaler(world, deadline_s))
    supply = world.supply
    match name:
        case "eddyline" | "eddyline-uninterrupted":
            offers = [*supply.offers, *world.own_on_demand]
            pools = supply.pools if name == "eddyline" else {}
            return Setup(offers=offers, pools=pools, rules=rules, make=_scaler(world, deadline_s))
        case "spot-naive":
            cheapest = min(supply.offers, key=lambda offer: (_frame_price(offer), offer.name))
            return Setup(
                offers=[cheapest],
                pools=supply.pools,
                rules=replace(rules, drains=False),
                make=_scaler(world, deadline_s),
            )
        case "aws-scaling" | "aws-scaling-cheapest":
            strategy: Strategy = "price-capacity-optimized" if name == "aws-scaling" else "lowest-price"
            offers = [*_best_types(supply, _TEN_BEST), *world.own_on_demand]
            make = _aws(world, offers, deadline_s, strategy)
            return Setup(offers=offers, pools=supply.pools, rules=rules, make=make)
        case "published-classic" | "published-attributes":
            kind = name.removeprefix("published-")
            listed: Supply = world.published(kind)
            fallback = CLASSIC_ON_DEMAND if kind == "classic" else ATTRIBUTES_ON_DEMAND
            offers = [*listed.offers, *world.on_demand([fallback])]
            make = _aws(world, offers, deadline_s, "capacity-optimized")
            return Setup(offers=offers, pools=listed.pools, rules=rules, make=make)
    raise UsageError(f"unknown policy {name!r}", remedy=f"use {', '.join(LABELS)}")


def _frame_price(offer: Offer) -> float:
    return offer.usd_h / offer.power


def _best_types(supply: Supply, most: int) -> list[Offer]:
    """The offers of the types whose work is cheapest on Spot."""
    prices = {offer.type: _frame_price(offer) for offer in supply.offers}
    chosen = sorted(prices, key=lambda name: (prices[name], name))[:most]
    return [offer for offer in supply.offers if offer.type in chosen]


def _scaler(world: World, deadline_s: float) -> Callable[[float], Policy]:
    def make(backlog_s: float) -> Policy:
        return ScalerPolicy(
            ScalerRules(
                backlog_s=backlog_s,
                deadline_s=deadline_s,
                boot_s=world.scenario.boot_s,
                job_s=world.scenario.workload.chunk_s,
            )
        )

    return make


def _aws(
    world: World, offers: Sequence[Offer], deadline_s: float, strategy: Strategy
) -> Callable[[float], Policy]:
    def make(backlog_s: float) -> Policy:
        bounds = Bounds(
            spot_max=_MOST_VCPU,
            on_demand_max=_MOST_VCPU,
            machine_vcpu=min(offer.vcpu for offer in offers),
            on_demand_after_s=max(deadline_s / 3, 60.0),
            target_backlog_s=backlog_s,
        )
        return AwsScalingPolicy(
            bounds, offers, strategy=strategy, job_s=world.scenario.workload.chunk_s, seed=world.seed
        )

    return make
