"""The rate of arrivals over time: daily, weekly and yearly waves, and bursts. Its mean is 1.

A wave is exp(k*cos(angle)), normalised: smooth, never negative, and k gives any ratio of peak to mean.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from eddyline.sim.workload.workload import Bursts, Shape, Workload

STEP_S = 60.0
"""Within a step of the curve, the rate is constant. Seconds."""

_DAY_S = 86_400.0
_WEEK_S, _YEAR_S = 7 * _DAY_S, 365.25 * _DAY_S
_WAVES: dict[Shape, int] = {"constant": 0, "daily": 1, "weekly": 2, "seasonal": 3}


def relative_rates(workload: Workload, end_s: float) -> NDArray[np.float64]:
    """The rate in each step from 0 to `end_s`, divided by the mean rate.

    The last step may be shorter than the others (see `step_lengths`); the mean is weighted by the lengths.
    """
    lengths = step_lengths(end_s)
    middles = np.arange(len(lengths)) * STEP_S + lengths / 2
    rates = np.ones(len(lengths))
    peaks, at = workload.peak_to_mean, workload.peak_at
    waves = (
        (_DAY_S, peaks.day, at.day_h * 3600.0),
        (_WEEK_S, peaks.week, at.week_d * _DAY_S),
        (_YEAR_S, peaks.year, at.year_d * _DAY_S),
    )
    for period, ratio, peak in waves[: _WAVES[workload.shape]]:
        sharpness = wave_sharpness(ratio)
        # exp(k*(cos - 1)) is at most 1; the common factor does not matter.
        rates *= np.exp(sharpness * (np.cos(2 * math.pi * (middles - peak) / period) - 1))
    if workload.bursts is not None:
        rates *= _burst_factors(workload.bursts, lengths)
    return np.asarray(rates * (lengths.sum() / (rates * lengths).sum()), dtype=np.float64)


def step_lengths(end_s: float) -> NDArray[np.float64]:
    """The length of each step from 0 to `end_s`, in seconds: all `STEP_S`, but perhaps the last."""
    count = math.ceil(end_s / STEP_S)
    lengths = np.full(count, STEP_S)
    if count:
        lengths[-1] = end_s - (count - 1) * STEP_S
    return lengths


def wave_sharpness(peak_to_mean: float) -> float:
    """The k of exp(k*cos(x)) for a ratio of its peak to its mean, exp(k)/I0(k), from 1 to 20."""
    low, high = 0.0, 600.0
    for _ in range(60):
        middle = (low + high) / 2
        if math.exp(-middle) * float(np.i0(middle)) * peak_to_mean > 1:
            low = middle
        else:
            high = middle
    return low


def _burst_factors(bursts: Bursts, lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean factor of each step: a burst begins at `every_h`, at twice `every_h`, and so on."""
    every = bursts.every_h * 3600.0
    starts = np.arange(len(lengths), dtype=np.float64) * STEP_S
    before = _seconds_inside(starts, every, bursts.length_s)
    inside = _seconds_inside(starts + lengths, every, bursts.length_s) - before
    return np.asarray(1 + (bursts.factor - 1) * inside / lengths, dtype=np.float64)


def _seconds_inside(until: NDArray[np.float64], every: float, length: float) -> NDArray[np.float64]:
    """The seconds before `until` that belong to bursts."""
    begun = np.floor(until / every)
    inside = np.minimum(until - begun * every, length)
    return np.asarray(np.where(begun > 0, (begun - 1) * length + inside, 0.0), dtype=np.float64)
