"""Means with confidence intervals."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

# Quantiles 0.975 of Student's t by degrees of freedom (any table of statistics).
_T = {
    1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 10: 2.228,
    12: 2.179, 15: 2.131, 20: 2.086, 30: 2.042, 60: 2.0, 120: 1.98,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its interval of 95 % confidence; of a single value, all three are equal."""

    mean: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        """For JSON."""
        return {"mean": self.mean, "low": self.low, "high": self.high}


def interval_of(values: Sequence[float]) -> Interval:
    """The interval of at least one value."""
    mean = statistics.fmean(values)
    if len(values) == 1:
        return Interval(mean, mean, mean)
    freedom = len(values) - 1
    factor = _T[max(known for known in _T if known <= freedom)]
    half = factor * statistics.stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)
