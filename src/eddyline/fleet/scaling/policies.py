"""The scaling policies of a pool's two Auto Scaling groups, as values. Terraform's plan must equal them.

How AWS applies them, from the Amazon EC2 Auto Scaling User Guide:

- Target tracking needs a metric that is inversely proportional to the capacity of the group ("The metric
  value must increase or decrease proportionally to the number of instances in the Auto Scaling group",
  "Target tracking scaling policies"). The metric here is the work that Spot has to do, divided by the *Spot*
  vCPU in service: with on-demand capacity in the divisor, the Spot group would shrink while on-demand
  replaces it.
- "A target tracking scaling policy does not scale in your Auto Scaling group when the specified metric has
  insufficient data" (same page). Without Spot in service the ratio is undefined and not published: a step
  policy starts the group from zero.
- Capacity is in vCPU everywhere, so adjustments are too ("capacity units ... if you are using instance
  weighting", "Step and simple scaling policies").
- "While scaling out, we do not consider instances that are warming up as part of the current capacity";
  "while scaling in, we consider instances that are terminating as part of the current capacity" (same page):
  an alarm that repeats its action each minute does not add or remove the same capacity twice.
- Of several policies, the one that provides the largest capacity counts ("Dynamic scaling").
- Cooldowns apply to simple scaling policies only ("Scaling cooldowns"); target tracking and step scaling use
  the warm-up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from eddyline.fleet.scaling import alarms, metric_names
from eddyline.fleet.scaling.alarms import Alarm
from eddyline.fleet.scaling.bounds import Bounds
from eddyline.fleet.scaling.metric_names import PoolMetric

WARMUP_S = 300
"""Seconds until a new instance counts: boot and image pull (about 200 s), registration, one metric period."""

SUSPENDED_PROCESSES = ("AZRebalance",)
"""AZRebalance ends running instances to even out zones (elastic-ci-stack #435): never worth a drain."""

GROUP_METRICS = (
    "GroupDesiredCapacity",
    "GroupInServiceCapacity",
    "GroupPendingCapacity",
    "GroupTerminatingCapacity",
)

_MOST_STEPS = 20  # AWS' limit of step adjustments in one policy
_GROWTH = 1.5  # between two steps: at most a third of the wanted capacity is missing after one

Purchase = Literal["spot", "od"]
Adjustment = Literal["ExactCapacity", "ChangeInCapacity"]


@dataclass(frozen=True, kw_only=True)
class Group:
    """One Auto Scaling group: `min_size` to `max_size` vCPU."""

    purchase: Purchase
    min_size: int
    max_size: int
    default_instance_warmup: int = WARMUP_S
    suspended_processes: tuple[str, ...] = SUSPENDED_PROCESSES
    enabled_metrics: tuple[str, ...] = GROUP_METRICS
    capacity_rebalance: bool = False
    protect_from_scale_in: bool = False


@dataclass(frozen=True, kw_only=True)
class TargetTracking:
    """A target tracking policy: keeps `metric` at `target`."""

    name: str
    purchase: Purchase
    metric: PoolMetric
    target: float
    disable_scale_in: bool = False
    warmup_s: int = WARMUP_S


@dataclass(frozen=True, kw_only=True)
class Step:
    """The adjustment for values from `lower` up to `upper` (None: unbounded), relative to the threshold."""

    lower: float
    upper: float | None
    adjustment: int


@dataclass(frozen=True, kw_only=True)
class StepScaling:
    """A step scaling policy, run by `alarm`."""

    name: str
    purchase: Purchase
    adjustment_type: Adjustment
    steps: tuple[Step, ...]
    alarm: Alarm
    warmup_s: int = WARMUP_S


@dataclass(frozen=True, kw_only=True)
class PredictiveScaling:
    """A predictive scaling policy: `load` is forecast hourly, `scaling` and `capacity` relate it to vCPU."""

    name: str
    purchase: Purchase
    load: PoolMetric
    scaling: PoolMetric
    capacity: PoolMetric
    target: float
    mode: str = "ForecastAndScale"
    max_capacity_breach_behavior: str = "HonorMaxCapacity"
    scheduling_buffer_time: int = WARMUP_S


@dataclass(frozen=True, kw_only=True)
class PoolScaling:
    """Everything that scales one pool. `predictive` is None unless the pool chose it.

    A pool that coordinators scale protects its instances from a change of capacity, and has no step policies;
    without `has_tracking`, Terraform leaves out also the target tracking.
    """

    groups: tuple[Group, Group]
    target_tracking: TargetTracking
    steps: tuple[StepScaling, ...]
    predictive: PredictiveScaling | None
    notifications: tuple[Alarm, ...]
    has_tracking: bool = True


def pool_scaling(bounds: Bounds) -> PoolScaling:
    """The groups, policies and alarms of a pool."""
    return PoolScaling(
        groups=(
            Group(
                purchase="spot",
                min_size=bounds.spot_min,
                max_size=bounds.spot_max,
                protect_from_scale_in=not bounds.scaled_by_aws,
            ),
            Group(
                purchase="od",
                min_size=bounds.on_demand_min,
                max_size=bounds.on_demand_max,
                protect_from_scale_in=not bounds.scaled_by_aws,
            ),
        ),
        target_tracking=TargetTracking(
            name="spot-backlog",
            purchase="spot",
            metric=metric_names.BACKLOG,
            target=bounds.target_backlog_s,
        ),
        steps=_step_policies(bounds),
        predictive=_predictive(bounds),
        notifications=alarms.notifications(bounds),
        has_tracking=bounds.scaled_by_aws,
    )


def _step_policies(bounds: Bounds) -> tuple[StepScaling, ...]:
    found: list[StepScaling] = []
    if not bounds.scaled_by_aws:
        return ()
    if bounds.spot_max:
        # ExactCapacity can be repeated: it starts no more if the first instances are late or never register.
        found.append(
            StepScaling(
                name="spot-from-zero",
                purchase="spot",
                adjustment_type="ExactCapacity",
                steps=_steps(bounds.machine_vcpu, bounds.spot_max, threshold=0),
                alarm=alarms.from_zero(bounds),
            )
        )
    if bounds.on_demand_max > bounds.on_demand_min:
        room = bounds.on_demand_max - bounds.on_demand_min
        found += [
            StepScaling(
                name="od-out",
                purchase="od",
                adjustment_type="ChangeInCapacity",
                steps=_steps(bounds.machine_vcpu, room, threshold=0),
                alarm=alarms.on_demand_out(bounds),
            ),
            StepScaling(
                name="od-in",
                purchase="od",
                adjustment_type="ChangeInCapacity",
                steps=_steps(bounds.machine_vcpu, room, threshold=bounds.machine_vcpu, sign=-1),
                alarm=alarms.on_demand_in(bounds),
            ),
        ]
    return tuple(found)


def _steps(machine_vcpu: int, most: int, *, threshold: int, sign: int = 1) -> tuple[Step, ...]:
    """Steps from one machine to `most` vCPU, each `_GROWTH` times the one before; values are rounded down."""
    first = min(machine_vcpu, most)
    growth = max(_GROWTH, (most / first) ** (1 / (_MOST_STEPS - 2)))
    grown = (min(math.ceil(first * growth**step), most) for step in range(_MOST_STEPS))
    sizes = list(dict.fromkeys(grown))  # Terraform computes the same (modules/pool/scaling.tf)
    edges: list[float | None] = [0.0, *(float(size - threshold) for size in sizes[1:]), None]
    return tuple(
        Step(lower=lower or 0.0, upper=upper, adjustment=sign * size)
        for size, (lower, upper) in zip(sizes, pairwise(edges), strict=True)
    )


def _predictive(bounds: Bounds) -> PredictiveScaling | None:
    """Load and capacity are averages too: a sum would count each coordinator."""
    if not bounds.predictive or not bounds.scaled_by_aws:
        return None
    return PredictiveScaling(
        name="spot-predictive",
        purchase="spot",
        load=metric_names.WANTED,
        scaling=metric_names.BACKLOG,
        capacity=metric_names.SPOT_IN_SERVICE,
        target=bounds.target_backlog_s,
    )
