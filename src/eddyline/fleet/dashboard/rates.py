"""Interruption rates of Spot Instances over time, by group, with exact Poisson intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from eddyline.fleet.dashboard.cube import Cube
from eddyline.fleet.dashboard.grouping import ALL, Grouping, groups_of
from eddyline.fleet.dashboard.machines import SPOT_CODE
from eddyline.fleet.dashboard.window import Floats
from eddyline.fleet.record.poisson import count_interval

_HOUR_S = 3600.0
CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class RateSteps:
    """The rates of each step of the window; a rate is None in a step without instance-hours."""

    instance_hours: list[float]
    interruptions: list[int]
    launches: list[int]
    launches_interrupted: list[int]
    rate_per_instance_hour: list[float | None]
    rate_low: list[float | None]
    rate_high: list[float | None]


@dataclass(frozen=True, kw_only=True)
class RateGroup:
    """The interruptions of the Spot Instances of one group.

    `rate_low` and `rate_high` are the bounds of the exact 95 % Poisson interval of the rate. `launches` are
    within the window; `launches_interrupted` of them ended by interruption so far. `scale_ins` and
    `other_ends` are ends that are not interruptions.
    """

    key: str
    instance_hours: float
    interruptions: int
    scale_ins: int
    other_ends: int
    rate_per_instance_hour: float | None
    rate_low: float | None
    rate_high: float | None
    launches: int
    launches_interrupted: int
    interrupted_share_of_launches: float | None
    steps: RateSteps


def rates_of(cube: Cube, by: Grouping) -> list[RateGroup]:
    """The rates by group, most instance-hours first; of `Grouping.ALL` one group, also without machines."""
    spot = (cube.cells.lifecycle == SPOT_CODE)[:, None]
    groups = groups_of(cube, by)
    hours = groups.sum(np.where(spot, cube.seconds, 0.0)) / _HOUR_S
    launches = groups.sum(np.where(spot, cube.launches, 0.0))
    interrupted = groups.sum(np.where(spot, cube.launches_interrupted, 0.0))
    ends = {code: groups.sum(np.where(spot, found, 0.0)) for code, found in cube.ends.items()}
    found = [
        _group(key, hours[at], ends[1][at], ends[2][at], ends[3][at], launches[at], interrupted[at])
        for at, key in enumerate(groups.keys)
    ]
    used = [each for each in found if each.key == ALL or each.instance_hours or each.interruptions]
    return sorted(used, key=lambda each: (-each.instance_hours, each.key))


def _group(
    key: str,
    hours: Floats,
    interruptions: Floats,
    scale_ins: Floats,
    others: Floats,
    launches: Floats,
    launches_interrupted: Floats,
) -> RateGroup:
    rate, low, high = rate_of(int(interruptions.sum()), float(hours.sum()))
    steps = [rate_of(int(count), float(each)) for count, each in zip(interruptions, hours, strict=True)]
    started = int(launches.sum())
    return RateGroup(
        key=key,
        instance_hours=float(hours.sum()),
        interruptions=int(interruptions.sum()),
        scale_ins=int(scale_ins.sum()),
        other_ends=int(others.sum()),
        rate_per_instance_hour=rate,
        rate_low=low,
        rate_high=high,
        launches=started,
        launches_interrupted=int(launches_interrupted.sum()),
        interrupted_share_of_launches=float(launches_interrupted.sum()) / started if started else None,
        steps=RateSteps(
            instance_hours=hours.tolist(),
            interruptions=_counts(interruptions),
            launches=_counts(launches),
            launches_interrupted=_counts(launches_interrupted),
            rate_per_instance_hour=[each[0] for each in steps],
            rate_low=[each[1] for each in steps],
            rate_high=[each[2] for each in steps],
        ),
    )


def _counts(values: Floats) -> list[int]:
    return [round(value) for value in values.tolist()]


def rate_of(count: int, hours: float) -> tuple[float | None, float | None, float | None]:
    """Interruptions per hour and the bounds of its interval; None without hours."""
    if hours <= 0:
        return None, None, None
    low, high = _interval(count)
    return count / hours, low / hours, high / hours


@lru_cache(maxsize=4096)
def _interval(count: int) -> tuple[float, float]:
    return count_interval(count, CONFIDENCE)


def total_rate(cube: Cube) -> RateGroup:
    """The rates of all Spot Instances of a cube."""
    found: Sequence[RateGroup] = rates_of(cube, Grouping.ALL)
    return found[0]
