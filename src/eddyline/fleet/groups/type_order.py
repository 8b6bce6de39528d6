"""The order of instance types in a Spot group: the best value first, as priorities for AWS. Pure."""

from __future__ import annotations

from dataclasses import replace

from eddyline.fleet.groups.group import Group
from eddyline.fleet.groups.pool_view import PoolView
from eddyline.fleet.scaler.pool_choice import launch_order
from eddyline.fleet.scaler.rules import ScalerRules

PRIORITIZED = "capacity-optimized-prioritized"
"""The allocation strategy that regards the order of types, after capacity."""
_RANKED = ("capacity-optimized", PRIORITIZED)
_KEPT = 0.95
"""A type moves before another one if it is better than that one at this share of its price.

Otherwise small changes of prices would change the order every hour.
"""


def ranked_types(group: Group, view: PoolView, wanted: float, rules: ScalerRules) -> tuple[str, ...] | None:
    """The types of a Spot group by the value of their best zone; None if the order needs no change.

    `wanted` is the capacity of the pool in reference slots. Groups with types chosen by attributes, and those
    with another allocation strategy, keep the order of AWS.
    """
    strategy = group.policy.get("InstancesDistribution", {}).get("SpotAllocationStrategy")
    if not group.spot or not group.types or strategy not in _RANKED:
        return None
    ranked: list[str] = []
    for name in group.types:
        place = len(ranked)
        while place and _is_better(name, ranked[place - 1], view, wanted, rules):
            place -= 1
        ranked.insert(place, name)
    if strategy == PRIORITIZED and tuple(ranked) == group.types:
        return None
    return tuple(ranked)


def _is_better(name: str, other: str, view: PoolView, wanted: float, rules: ScalerRules) -> bool:
    """Whether a type is clearly better than another one."""
    found = [
        (
            offer.instance_type,
            replace(reading, usd_h=reading.usd_h * (_KEPT if offer.instance_type == other else 1.0)),
        )
        for offer, reading in zip(view.offers, view.readings, strict=True)
        if offer.spot and offer.instance_type in (name, other)
    ]
    order = launch_order(wanted, [reading for _, reading in found], rules, spot=True)
    return bool(order) and found[order[0]][0] == name
