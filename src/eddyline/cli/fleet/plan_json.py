"""The plan of a fleet as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict

from eddyline.fleet.plan.fleet_plan import FleetPlan
from eddyline.fleet.plan.pool_plan import PoolPlan


def plan_json(plan: FleetPlan) -> str:
    """The plan with every type of every pool; null is unknown."""
    return json.dumps(
        {
            "region": plan.region,
            "zones": list(plan.zones),
            "zones_assumed": plan.zones_assumed,
            "spot_prices": plan.spot_prices,
            "work": asdict(plan.work),
            "pools": {each.pool.name: _pool_json(each) for each in plan.pools},
            "quotas": [asdict(each) for each in plan.quotas],
            "fixed_costs": [asdict(each) for each in plan.fixed],
            "missing": list(plan.missing),
        },
        indent=2,
    )


def _pool_json(plan: PoolPlan) -> dict[str, object]:
    spot, on_demand = plan.costs(spot=True), plan.costs(spot=False)
    return {
        "arch": plan.pool.arch,
        "gpu": plan.pool.gpu,
        "capacity": plan.pool.capacity.model_dump(mode="json"),
        "spot_pools": plan.spot_pools,
        "interruption_bands": plan.bands,
        "spot_cost": None if spot is None else asdict(spot),
        "on_demand_cost": None if on_demand is None else asdict(on_demand),
        "spot_identified": plan.spot_identified,
        "on_demand_identified": plan.on_demand_identified,
        "types": None if plan.types is None else [asdict(each) for each in plan.types],
        "placement_score": plan.placement_score,
        "warnings": list(plan.warnings),
    }
