"""A recommended plan as a section of pools.yaml."""

from __future__ import annotations

import math
from typing import Any

import yaml

from eddyline.fleet.pools import Pool
from eddyline.sim.recommend.evaluate import PlanFigures

HEADROOM = 1.25
"""The maximum capacity, relative to the most that ran in the simulation."""


def spot_limit(found: PlanFigures) -> int:
    """`max_vcpu` of the Spot group: room for the largest type at least."""
    return _limit(found.spot_vcpu, found)


def on_demand_limit(found: PlanFigures) -> int:
    """`on_demand.max_vcpu`: what replaced Spot in the simulation, and room for the largest type at least."""
    return _limit(found.on_demand_vcpu, found)


def _limit(vcpu: float, found: PlanFigures) -> int:
    largest = found.plan.candidate.largest_vcpu
    return max(math.ceil(vcpu * HEADROOM / largest), 1) * largest


def recommended_pool(found: PlanFigures) -> dict[str, Any]:
    """The pool of the plan with the recommended capacity, as plain values without its name."""
    plan = found.plan
    pool = plan.candidate.pool
    values = pool.model_dump(mode="json", exclude={"name"})
    capacity = values["capacity"]
    del capacity["requirements"]
    capacity |= {
        "max_vcpu": spot_limit(found),
        "types": {each.name: each.vcpu for each in plan.candidate.types},
        "scaling": "eddyline",
        "target_backlog_s": round(plan.backlog_s),
        "deadline_s": min(max(round(plan.deadline_s), 60), 604_800),
        "min_vcpu": 0,
    }
    capacity["spot"] |= {"strategy": "price-capacity-optimized"}
    capacity["on_demand"] |= {"min_vcpu": 0, "max_vcpu": on_demand_limit(found)}
    return values


def pool_section(found: PlanFigures) -> str:
    """The text that replaces the section of the pool in pools.yaml."""
    name = found.plan.candidate.pool.name
    text = yaml.safe_dump(
        {name: recommended_pool(found)}, sort_keys=False, default_flow_style=None, width=100
    )
    return "".join(f"  {line}\n" for line in text.splitlines())


def check_section(found: PlanFigures) -> Pool:
    """The recommended pool as `pools.yaml` is read."""
    name = found.plan.candidate.pool.name
    return Pool.model_validate({**recommended_pool(found), "name": name})
