"""Estimates how long a job will still take, from its progress and from earlier jobs of its kind."""

from __future__ import annotations

import math
from dataclasses import dataclass

# From the first of these fractions on, a job's own speed counts, and from the second on nothing else: reports
# of progress come every half second, and so the speed that the first few of them give is too low.
_MIN_FRACTION, _OWN_FRACTION = 0.05, 0.25
_WEIGHT = 0.3  # of the latest job in the mean of its kind
_FORGET = 0.05  # the share of its distance to the mean that the slowest rate loses with each job


@dataclass(frozen=True, kw_only=True)
class JobProgress:
    """The `fraction` (0 to 1) of a job's frames that are done `elapsed_s` seconds after its start.

    `weight` is its relative cost, in frames to encode.
    """

    kind: str
    weight: float
    elapsed_s: float
    fraction: float = 0.0


class JobRates:
    """Seconds per unit of weight, by kind of job, as a moving mean of jobs that were done.

    It also keeps the rate of the slowest recent jobs: it falls towards the mean as jobs are done.
    """

    def __init__(self) -> None:
        self._mean: dict[str, float] = {}
        self._slowest: dict[str, float] = {}

    def __bool__(self) -> bool:
        """Whether any rate is known."""
        return bool(self._mean)

    def record(self, kind: str, weight: float, seconds: float) -> None:
        """Record the duration of a job that was done."""
        if weight > 0 and seconds >= 0:
            rate = seconds / weight
            before = self._mean.get(kind, rate)
            mean = self._mean[kind] = before + _WEIGHT * (rate - before)
            slowest = self._slowest.get(kind, rate)
            self._slowest[kind] = max(rate, slowest + _FORGET * (mean - slowest))

    def most_weight(self, seconds: float, pessimism: float) -> dict[str, float]:
        """By kind, the weight of a job that is expected to take at most `seconds`.

        `pessimism` is the factor that this expectation allows for; where recent jobs were slower than the
        mean by more than that, the slowest of them counts. Kinds that were never measured are left out.
        """
        most: dict[str, float] = {}
        for kind, mean in self._mean.items():
            rate = max(mean, self._slowest[kind] / pessimism)
            most[kind] = seconds / rate if rate > 0 else math.inf
        return most if seconds > 0 else {}

    def remaining_s(self, progress: JobProgress) -> float | None:
        """Seconds until the job is done; None: unknown, or the job already takes longer than earlier ones.

        A job's speed is the mean since its start, so the estimate of a job that stalls keeps growing.
        """
        fraction = min(progress.fraction, 1.0)
        own_s = progress.elapsed_s * (1 - fraction) / fraction if fraction >= _MIN_FRACTION else None
        rate = self._mean.get(progress.kind)
        if rate is None or fraction >= _OWN_FRACTION:
            return own_s
        usual_s = rate * progress.weight - progress.elapsed_s
        if usual_s <= 0 or own_s is None:
            return usual_s if usual_s > 0 else own_s
        share = (fraction - _MIN_FRACTION) / (_OWN_FRACTION - _MIN_FRACTION)
        return share * own_s + (1 - share) * usual_s
