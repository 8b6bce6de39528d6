"""The order of instance types in a Spot group: the best value first, as priorities for AWS. Pure."""

from __future__ import annotations

import math
from dataclasses import replace

from eddyline.fleet.groups.group import Group
from eddyline.fleet.groups.pool_view import PoolView
from eddyline.fleet.scaler.pool_choice import launch_order
from eddyline.fleet.scaler.rules import ScalerRules

PRIORITIZED = "capacity-optimized-prioritized"
"""The allocation strategy that regards the order of types, after capacity."""
_RANKED = ("capacity-optimized", PRIORITIZED)
_ANY_SIZE = 1e9  # reference slots: for so many, no type is too large
_STEP = math.log(1.05)  # prices that differ by less are equal: an order that changes with noise says nothing


def ranked_types(group: Group, view: PoolView, wanted: float, rules: ScalerRules) -> tuple[str, ...] | None:
    """The types of a Spot group by the value of their best zone; None if the order needs no change.

    `wanted` is the capacity in reference slots: types that are too large for it come last. Groups with types
    chosen by attributes, and those with another allocation strategy, keep the order of AWS.
    """
    strategy = group.policy.get("InstancesDistribution", {}).get("SpotAllocationStrategy")
    if not group.spot or not group.types or strategy not in _RANKED:
        return None
    readings = [replace(each, usd_h=_rounded(each.usd_h, each.power)) for each in view.readings]
    order = launch_order(wanted, readings, rules, spot=True)
    order += [place for place in launch_order(_ANY_SIZE, readings, rules, spot=True) if place not in order]
    names = dict.fromkeys(view.offers[place].instance_type for place in order)
    ranked = [name for name in names if name in group.types]
    ranked += [name for name in group.types if name not in names]
    if strategy == PRIORITIZED and tuple(ranked) == group.types:
        return None
    return tuple(ranked)


def _rounded(usd_h: float, power: float) -> float:
    """The price of an instance whose price for a slot is rounded to the nearest step."""
    return math.exp(round(math.log(usd_h / power) / _STEP) * _STEP) * power
