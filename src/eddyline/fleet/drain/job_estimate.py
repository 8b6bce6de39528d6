"""Estimates how long a job will still take, from its progress and from earlier jobs of its kind."""

from __future__ import annotations

from dataclasses import dataclass

_MIN_FRACTION = 0.05  # from here on a job's own speed is a better estimate than that of earlier jobs
_WEIGHT = 0.3  # of the latest job in the mean of its kind


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
    """Seconds per unit of weight, by kind of job, as a moving mean of jobs that were done."""

    def __init__(self) -> None:
        self._mean: dict[str, float] = {}

    def record(self, kind: str, weight: float, seconds: float) -> None:
        """Record the duration of a job that was done."""
        if weight > 0 and seconds >= 0:
            before = self._mean.get(kind, seconds / weight)
            self._mean[kind] = before + _WEIGHT * (seconds / weight - before)

    def remaining_s(self, progress: JobProgress) -> float | None:
        """Seconds until the job is done; None: unknown, or the job already takes longer than earlier ones.

        The speed is the mean since the start of the job, so the estimate of a job that stalls keeps growing.
        """
        if progress.fraction >= _MIN_FRACTION:
            return progress.elapsed_s * (1 - min(progress.fraction, 1.0)) / progress.fraction
        rate = self._mean.get(progress.kind)
        if rate is None:
            return None
        left = rate * progress.weight - progress.elapsed_s
        return left if left > 0 else None
