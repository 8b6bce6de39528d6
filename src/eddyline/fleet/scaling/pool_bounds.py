"""The bounds of a pool's capacity, from its entry in pools.yaml."""

from __future__ import annotations

from eddyline.fleet.capacity import Capacity
from eddyline.fleet.pools import Pools
from eddyline.fleet.scaling.bounds import Bounds


def bounds_of(capacity: Capacity) -> Bounds:
    """The bounds of one pool; a pool without machines has bounds of 0."""
    on_demand = capacity.on_demand
    if capacity.requirements is not None:
        machine_vcpu = capacity.requirements.vcpu.min
    else:
        machine_vcpu = min(capacity.types.values(), default=1)
    return Bounds(
        spot_min=capacity.min_vcpu,
        spot_max=capacity.max_vcpu,
        on_demand_min=on_demand.min_vcpu,
        on_demand_max=on_demand.max_vcpu,
        machine_vcpu=machine_vcpu,
        on_demand_after_s=float(on_demand.after_s),
        target_backlog_s=float(capacity.target_backlog_s),
        predictive=capacity.predictive,
        scaled_by_aws=capacity.scaling == "aws",
    )


def scaled_pools(pools: Pools) -> dict[str, Bounds]:
    """The bounds of every pool that may have machines on AWS."""
    return {
        name: bounds_of(pool.capacity) for name, pool in pools.pools.items() if pool.capacity.has_machines
    }
