"""The bounds of a pool's capacity, as the scaling policies use them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TOLERANCE: Final = 0.1
"""Capacity suffices up to this excess of what is wanted: target tracking scales in to exactly its target,
from where any noise would scale out again. Below the target it tolerates as much by itself."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """All capacities in vCPU, all times in seconds.

    The Spot group has `spot_min` to `spot_max`, the on-demand group `on_demand_min` (its base) to
    `on_demand_max`. `machine_vcpu` is the smallest instance type. On-demand instances replace Spot that is
    missing for `on_demand_after_s`. The capacity wanted does the work in the ledger within
    `target_backlog_s`. Pools that are not `scaled_by_aws` have no scaling policies: coordinators scale them.
    """

    spot_min: int = 0
    spot_max: int
    on_demand_min: int = 0
    on_demand_max: int = 0
    machine_vcpu: int = 1
    on_demand_after_s: float = 600.0
    target_backlog_s: float = 300.0
    predictive: bool = False
    scaled_by_aws: bool = True

    def __post_init__(self) -> None:
        for name, least, most in (
            ("spot", self.spot_min, self.spot_max),
            ("on_demand", self.on_demand_min, self.on_demand_max),
        ):
            if not 0 <= least <= most:
                raise ValueError(f"{name}: 0 <= {least} <= {most} does not hold")
        if self.machine_vcpu < 1 or self.target_backlog_s <= 0 or self.on_demand_after_s < 0:
            raise ValueError("machine_vcpu must be 1 or more, target_backlog_s above 0, after_s 0 or more")
