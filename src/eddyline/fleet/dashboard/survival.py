"""The survival curve of Spot Instances: the Kaplan-Meier estimator with Greenwood's interval.

E. L. Kaplan and P. Meier, "Nonparametric Estimation from Incomplete Observations", 1958. At each age at which
instances were interrupted, the survival is multiplied by 1 - d/n: d were interrupted at this age, n had
reached it. Instances that ended otherwise, or still run, are right-censored: they count in n up to their age.
The interval is that of log(-log S) with Greenwood's variance (Kalbfleisch and Prentice, 1980).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from eddyline.fleet.dashboard.window import Floats

_MAX_POINTS = 250


@dataclass(frozen=True, kw_only=True)
class SurvivalPoint:
    """From the age `age_s` on the `survival` is this (0 to 1), with the bounds of its interval.

    `at_risk` instances had reached the age; `interruptions` of them were interrupted at it or since the
    point before.
    """

    age_s: float
    survival: float
    low: float
    high: float
    at_risk: int
    interruptions: int


@dataclass(frozen=True, kw_only=True)
class Survival:
    """The curve of `instances`, of which `interruptions` were interrupted and `censored` were not.

    `median_s` is the first age at which the survival is at most a half; None: it stays above. `longest_s` is
    the greatest age of an instance: the curve says nothing beyond.
    """

    instances: int
    interruptions: int
    censored: int
    median_s: float | None
    longest_s: float
    points: tuple[SurvivalPoint, ...]

    def at(self, age_s: float) -> float | None:
        """The survival at an age; None beyond the greatest age, unless the curve has reached 0."""
        passed = [point for point in self.points if point.age_s <= age_s]
        survival = passed[-1].survival if passed else 1.0
        return survival if age_s <= self.longest_s or survival == 0 else None


def survival_of(ages_s: Floats, interrupted: npt.NDArray[np.bool_], *, confidence: float = 0.95) -> Survival:
    """The curve of instances that reached these ages, where they were interrupted or else censored."""
    count = len(ages_s)
    order = np.argsort(ages_s)
    ages, events = ages_s[order], interrupted[order]
    distinct, deaths = np.unique(ages[events], return_counts=True)
    at_risk = count - np.searchsorted(ages, distinct, side="left")
    survival: Floats = np.cumprod(1 - deaths / at_risk).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance: Floats = np.cumsum(deaths / (at_risk * (at_risk - deaths))).astype(np.float64)
        low, high = _interval(survival, variance, confidence)
    reached = np.flatnonzero(survival <= 0.5)  # noqa: PLR2004 - the median
    return Survival(
        instances=count,
        interruptions=int(deaths.sum()),
        censored=count - int(deaths.sum()),
        median_s=float(distinct[reached[0]]) if len(reached) else None,
        longest_s=float(ages[-1]) if count else 0.0,
        points=tuple(_points(distinct, survival, low, high, at_risk, np.cumsum(deaths))),
    )


def _interval(survival: Floats, variance: Floats, confidence: float) -> tuple[Floats, Floats]:
    """The bounds; both 0 where the survival is 0."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    log = np.log(survival)
    width = z * np.sqrt(variance) / np.abs(log)
    low, high = survival ** np.exp(width), survival ** np.exp(-width)
    gone = survival <= 0
    return np.where(gone, 0.0, low), np.where(gone, 0.0, high)


def _points(
    ages: Floats,
    survival: Floats,
    low: Floats,
    high: Floats,
    at_risk: npt.NDArray[np.int64],
    deaths: npt.NDArray[np.int64],
) -> list[SurvivalPoint]:
    """The steps of the curve; of many, so many that none moves it by more than 1/250."""
    if len(ages) > _MAX_POINTS:
        level = np.floor(survival * _MAX_POINTS)
        kept = np.flatnonzero(np.diff(level, append=math.nan) != 0)
    else:
        kept = np.arange(len(ages))
    earlier = np.concatenate(([0], deaths[kept][:-1])) if len(kept) else deaths
    return [
        SurvivalPoint(
            age_s=float(ages[place]),
            survival=float(survival[place]),
            low=float(low[place]),
            high=float(high[place]),
            at_risk=int(at_risk[place]),
            interruptions=int(deaths[place] - before),
        )
        for place, before in zip(kept, earlier, strict=True)
    ]
