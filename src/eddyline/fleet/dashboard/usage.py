"""Running machines over time, the share of Spot in the vCPU-hours, and what Spot saved, by group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eddyline.fleet.dashboard.cube import Cube
from eddyline.fleet.dashboard.grouping import ALL, Grouping, groups_of
from eddyline.fleet.dashboard.machines import ON_DEMAND_CODE, SPOT_CODE
from eddyline.fleet.dashboard.window import Floats

_HOUR_S = 3600.0
SPOT_TARGET = 0.7
"""The share of Spot in the vCPU-hours that the dashboard marks with a line."""


@dataclass(frozen=True, kw_only=True)
class UsageSteps:
    """Of each step: the mean number of running machines and vCPU; the share is None without vCPU."""

    instances: list[float]
    spot_vcpu: list[float]
    on_demand_vcpu: list[float]
    unknown_lifecycle_vcpu: list[float]
    spot_share: list[float | None]


@dataclass(frozen=True, kw_only=True)
class UsageGroup:
    """The machines of one group: hours of machines and of vCPU, by lifecycle.

    `spot_share` (0 to 1) is that of the vCPU-hours whose lifecycle is known; `vcpu_unknown_hours` are
    instance-hours of types whose vCPU are not known, which it lacks.
    """

    key: str
    instance_hours: float
    spot_instance_hours: float
    on_demand_instance_hours: float
    spot_vcpu_hours: float
    on_demand_vcpu_hours: float
    unknown_lifecycle_vcpu_hours: float
    vcpu_unknown_hours: float
    spot_share: float | None
    steps: UsageSteps


@dataclass(frozen=True, kw_only=True)
class SavingsSteps:
    """Of each step, in dollars; the share of hours with a price is None without hours."""

    cost_usd: list[float]
    on_demand_cost_usd: list[float]
    saved_usd: list[float]
    priced_share_of_hours: list[float | None]


@dataclass(frozen=True, kw_only=True)
class SavingsGroup:
    """What the machines of one group cost, and what the same hours cost On-Demand: of the priced hours.

    `free_usd` is the part of the cost that AWS does not bill, of instances that it interrupted within the
    first hour; `saved_share` counts it as billed, `saved_share_as_billed` does not. Shares are 0 to 1.
    """

    key: str
    instance_hours: float
    priced_hours: float
    priced_share_of_hours: float | None
    cost_usd: float
    on_demand_cost_usd: float
    saved_usd: float
    saved_share: float | None
    free_usd: float
    saved_share_as_billed: float | None
    steps: SavingsSteps


def usage_of(cube: Cube, by: Grouping) -> list[UsageGroup]:
    """The use of machines by group, most instance-hours first."""
    groups = groups_of(cube, by)
    lifecycle = cube.cells.lifecycle[:, None]
    spot, on_demand = lifecycle == SPOT_CODE, lifecycle == ON_DEMAND_CODE
    all_s = groups.sum(cube.seconds)
    spot_s, on_demand_s = (groups.sum(np.where(each, cube.seconds, 0.0)) for each in (spot, on_demand))
    spot_v, on_demand_v = (groups.sum(np.where(each, cube.vcpu_s, 0.0)) for each in (spot, on_demand))
    other_v = groups.sum(np.where(spot | on_demand, 0.0, cube.vcpu_s))
    unknown_s = groups.sum(cube.vcpu_unknown_s)
    width = np.diff(cube.window.edges)
    found = [
        UsageGroup(
            key=key,
            instance_hours=_hours(all_s[at]),
            spot_instance_hours=_hours(spot_s[at]),
            on_demand_instance_hours=_hours(on_demand_s[at]),
            spot_vcpu_hours=_hours(spot_v[at]),
            on_demand_vcpu_hours=_hours(on_demand_v[at]),
            unknown_lifecycle_vcpu_hours=_hours(other_v[at]),
            vcpu_unknown_hours=_hours(unknown_s[at]),
            spot_share=_share(float(spot_v[at].sum()), float((spot_v[at] + on_demand_v[at]).sum())),
            steps=UsageSteps(
                instances=(all_s[at] / width).tolist(),
                spot_vcpu=(spot_v[at] / width).tolist(),
                on_demand_vcpu=(on_demand_v[at] / width).tolist(),
                unknown_lifecycle_vcpu=(other_v[at] / width).tolist(),
                spot_share=_shares(spot_v[at], spot_v[at] + on_demand_v[at]),
            ),
        )
        for at, key in enumerate(groups.keys)
    ]
    used = [each for each in found if each.key == ALL or each.instance_hours]
    return sorted(used, key=lambda each: (-each.instance_hours, each.key))


def savings_of(cube: Cube, by: Grouping) -> list[SavingsGroup]:
    """The savings by group, largest first. Machines of unknown lifecycle have no known price."""
    groups = groups_of(cube, by)
    seconds, priced = groups.sum(cube.seconds), groups.sum(cube.priced_s)
    cost, full = groups.sum(cube.cost), groups.sum(cube.on_demand_cost)
    free = groups.sum(cube.free)
    found = [
        _savings(key, seconds[at], priced[at], cost[at], full[at], float(free[at].sum()))
        for at, key in enumerate(groups.keys)
    ]
    used = [each for each in found if each.key == ALL or each.instance_hours]
    return sorted(used, key=lambda each: (-each.saved_usd, -each.instance_hours, each.key))


def _savings(
    key: str, seconds: Floats, priced: Floats, cost: Floats, full: Floats, free: float
) -> SavingsGroup:
    paid, on_demand = float(cost.sum()), float(full.sum())
    return SavingsGroup(
        key=key,
        instance_hours=_hours(seconds),
        priced_hours=_hours(priced),
        priced_share_of_hours=_share(float(priced.sum()), float(seconds.sum())),
        cost_usd=paid,
        on_demand_cost_usd=on_demand,
        saved_usd=on_demand - paid,
        saved_share=_share(on_demand - paid, on_demand),
        free_usd=free,
        saved_share_as_billed=_share(on_demand - paid + free, on_demand),
        steps=SavingsSteps(
            cost_usd=cost.tolist(),
            on_demand_cost_usd=full.tolist(),
            saved_usd=(full - cost).tolist(),
            priced_share_of_hours=_shares(priced, seconds),
        ),
    )


def _hours(seconds: Floats) -> float:
    return float(seconds.sum()) / _HOUR_S


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _shares(part: Floats, whole: Floats) -> list[float | None]:
    return [_share(each, of) for each, of in zip(part.tolist(), whole.tolist(), strict=True)]
