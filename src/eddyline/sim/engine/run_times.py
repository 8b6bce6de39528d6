"""How long jobs occupy slots, as shares of time steps: the kernel of the aggregate engine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from eddyline.core.errors import UsageError

_BINS = 96
_MOST_STEPS = 8192
_QUANTILES = 64
_TABLE = 1024
_LOW, _HIGH = -25.0, 4.0  # of the logarithm of an exponential variable: beyond 6 standard deviations


class RunTimes:
    """Jobs of weights up to `most` (slot-seconds), on slots of some `speeds`, in steps.

    The run time of a job of a weight is lognormal with the standard deviation `spread` of its logarithm. A
    job begins at any time within a step, so that its end falls into two steps; `kernel[b, c, j]` is the share
    of the jobs with the weight of bin b, on slots of the speed c, whose slot is free j + 1 steps later.
    """

    def __init__(self, most: float, speeds: Sequence[float], *, spread: float, step_s: float) -> None:
        self.least = step_s * min(speeds) / 4  # shorter ones all take one step
        self.most = max(most, self.least * 1.01)
        self.step_s = step_s
        self.spread = spread
        self._per_bin = (_BINS - 1) / math.log(self.most / self.least)
        weights = self.least * np.exp(np.arange(_BINS) / self._per_bin)
        self._weights = weights
        factors = np.exp(spread * _normal_midpoints() - spread**2 / 2)
        factors /= factors.mean()
        longest = weights[-1] * factors[-1] / min(speeds) / step_s
        self.steps = math.ceil(longest) + 1
        if self.steps > _MOST_STEPS:
            raise UsageError(
                f"a job may take {longest * step_s:,.0f} s: more than {_MOST_STEPS:,} steps of {step_s:g} s",
                remedy="use the exact engine, or a shorter chunk_s",
            )
        self.kernel = np.zeros((_BINS, len(speeds), self.steps))
        rows = np.repeat(np.arange(_BINS), len(factors))
        for number, speed in enumerate(speeds):
            steps = np.maximum(np.outer(weights / speed / step_s, factors), 1.0).ravel()
            whole = np.floor(steps)
            part = (steps - whole) / len(factors)
            places = whole.astype(np.int64) - 1
            np.add.at(self.kernel[:, number], (rows, places), 1 / len(factors) - part)
            np.add.at(self.kernel[:, number], (rows, np.minimum(places + 1, self.steps - 1)), part)
        self._flat = self.kernel.reshape(_BINS, -1)

    def place(self, weights: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The bin below each weight, and the share of its jobs for the bin above: this keeps the mean."""
        clipped = np.clip(weights, self.least, self.most)
        bins = np.minimum((np.log(clipped / self.least) * self._per_bin).astype(np.int64), _BINS - 2)
        low, high = self._weights[bins], self._weights[bins + 1]
        return bins, np.clip((clipped - low) / (high - low), 0.0, 1.0)

    def histogram(
        self, bins: NDArray[np.int64], above: NDArray[np.float64], jobs: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The shares of the bins in some jobs; the sum is 1."""
        upper = jobs * above
        found = np.bincount(bins, jobs - upper, _BINS) + np.bincount(bins + 1, upper, _BINS)
        return np.asarray(found / found.sum(), dtype=np.float64)

    def releases(self, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of jobs with these shares of bins: [c, j], the share whose slot is free j + 1 steps later."""
        return np.asarray((shares @ self._flat).reshape(self.kernel.shape[1:]), dtype=np.float64)


def greatest_normals(log_exponentials: NDArray[np.float64]) -> NDArray[np.float64]:
    """The quantile of exp(-E) of a normal variable, given log(E).

    With E exponential of mean 1/n, this is distributed as the greatest of n independent normal variables.
    """
    return np.asarray(np.interp(log_exponentials, _GRID, _NORMALS), dtype=np.float64)


def _normal_midpoints() -> NDArray[np.float64]:
    """The quantiles of a normal variable in the middle of equal shares."""
    shares = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    return np.asarray(np.interp(np.log(-np.log(shares)), _GRID, _NORMALS), dtype=np.float64)


def _normal_table() -> NDArray[np.float64]:
    """The normal quantile of exp(-E) at each log(E) of the grid, from the smaller tail."""
    normal = NormalDist()
    values = np.empty(_TABLE)
    for place, log_e in enumerate(_GRID):
        below, above = math.exp(-math.exp(log_e)), -math.expm1(-math.exp(log_e))
        values[place] = normal.inv_cdf(below) if below < above else -normal.inv_cdf(above)
    return values


_GRID = np.linspace(_LOW, _HIGH, _TABLE)
_NORMALS = _normal_table()
