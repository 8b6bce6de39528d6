"""Capacity against backlog over time, from the samples that coordinators record each minute."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from eddyline.fleet.dashboard.grouping import ALL
from eddyline.fleet.dashboard.machines import Vocabulary
from eddyline.fleet.dashboard.window import Floats, Ints, Window
from eddyline.graph.pool_sample import PoolSample

_INTERVALS_S = (60, 300, 900, 1800, 3600, 7200, 21_600)
_MAX_MINUTES = 2016
_FIELDS = tuple(field.name for field in fields(PoolSample))


@dataclass(frozen=True, kw_only=True)
class CapacitySteps:
    """Of each step of the window: means of its samples; maxima where the name says so; None without samples.

    `backlog_vcpu_hours` is the work in due and running jobs, in hours of one vCPU.
    """

    spot_vcpu: list[float | None]
    on_demand_vcpu: list[float | None]
    wanted_vcpu: list[float | None]
    spot_shortfall_vcpu: list[float | None]
    slots: list[float | None]
    busy_slots: list[float | None]
    due_jobs: list[float | None]
    max_due_jobs: list[float | None]
    backlog_vcpu_hours: list[float | None]
    max_oldest_due_s: list[float | None]


@dataclass(frozen=True, kw_only=True)
class PoolCapacity:
    """The capacity of one pool, or of all (`key` "all"), from `samples` samples."""

    key: str
    samples: int
    steps: CapacitySteps


def sampled_minutes(window: Window) -> tuple[list[int], int]:
    """The starts of the minutes to read, and the seconds between them: at most 2,016, evenly spaced.

    A year of one pool has 525,600 samples; reading all of them would take seconds.
    """
    interval = next(each for each in _INTERVALS_S if window.length_s / each <= _MAX_MINUTES)
    first = math.ceil(window.start / interval) * interval
    return list(range(first, math.ceil(window.stop), interval)), interval


def capacity_of(rows: Sequence[tuple[Any, ...]], window: Window) -> list[PoolCapacity]:
    """The capacity of all pools together, then of each; `rows` have the fields of `PoolSample`, in order."""
    columns: dict[str, Sequence[Any]] = dict(
        zip(_FIELDS, zip(*rows, strict=True) if rows else [()] * len(_FIELDS), strict=True)
    )
    names = Vocabulary(sorted(set(columns["pool"])))
    pool = names.encode(columns["pool"])
    minute = np.array(columns["minute"], np.float64)
    values = {name: np.array(columns[name], np.float64) for name in _FIELDS[2:]}
    together, first = np.unique(minute, return_inverse=True)
    found = [_capacity(ALL, together, _together(values, first, len(together)), window)]
    for code, name in enumerate(names.texts):
        mine = pool == code
        found.append(_capacity(name, minute[mine], {key: each[mine] for key, each in values.items()}, window))
    return found


def _together(values: Mapping[str, Floats], minute: Ints, count: int) -> dict[str, Floats]:
    """The sums over the pools in each minute, the maximum of ages; what a pool does not know is left out."""
    found = {}
    for name, column in values.items():
        known = ~np.isnan(column)
        if name == "oldest_due_s":
            found[name] = np.zeros(count)
            np.maximum.at(found[name], minute[known], column[known])
            continue
        total = np.bincount(minute[known], column[known], count)
        found[name] = np.where(np.bincount(minute[known], minlength=count) > 0, total, np.nan)
    return found


def _capacity(key: str, minutes: Floats, values: Mapping[str, Floats], window: Window) -> PoolCapacity:
    step = window.index(minutes)
    return PoolCapacity(
        key=key,
        samples=len(minutes),
        steps=CapacitySteps(
            spot_vcpu=_means(values["spot_vcpu"], step, window),
            on_demand_vcpu=_means(values["on_demand_vcpu"], step, window),
            wanted_vcpu=_means(values["wanted_vcpu"], step, window),
            spot_shortfall_vcpu=_means(values["spot_shortfall_vcpu"], step, window),
            slots=_means(values["slots"], step, window),
            busy_slots=_means(values["busy_slots"], step, window),
            due_jobs=_means(values["due_jobs"], step, window),
            max_due_jobs=_maxima(values["due_jobs"], step, window),
            backlog_vcpu_hours=_means(values["backlog_vcpu_s"] / 3600, step, window),
            max_oldest_due_s=_maxima(values["oldest_due_s"], step, window),
        ),
    )


def _means(values: Floats, step: Ints, window: Window) -> list[float | None]:
    known = ~np.isnan(values)
    counts = np.bincount(step[known], minlength=window.steps)
    sums = np.bincount(step[known], values[known], window.steps)
    return [
        total / count if count else None for total, count in zip(sums.tolist(), counts.tolist(), strict=True)
    ]


def _maxima(values: Floats, step: Ints, window: Window) -> list[float | None]:
    found = np.full(window.steps, -math.inf)
    known = ~np.isnan(values)
    np.maximum.at(found, step[known], values[known])
    return [None if math.isinf(value) else value for value in found.tolist()]
