"""How long a job will still take, from its frames. Pure but for what `JobRates` has learnt."""

from __future__ import annotations

from dataclasses import dataclass

_TELLING = 0.05  # so much must be done before the job's own speed says more than that of others like it
_MEMORY = 0.3  # weight of the newest job in a kind's mean


@dataclass(frozen=True, kw_only=True)
class JobProgress:
    """How far a job has come: `fraction` (0 to 1) of its frames are done `elapsed_s` after its start.

    `weight` is its relative cost, in frames' worth of encoding.
    """

    kind: str
    weight: float
    elapsed_s: float
    fraction: float = 0.0


class JobRates:
    """Seconds for each unit of weight, by kind of job; learnt from jobs that were done."""

    def __init__(self) -> None:
        self._mean: dict[str, float] = {}

    def learn(self, kind: str, weight: float, seconds: float) -> None:
        """Take a job that was done into account."""
        if weight > 0 and seconds >= 0:
            before = self._mean.get(kind, seconds / weight)
            self._mean[kind] = before + _MEMORY * (seconds / weight - before)

    def remaining_s(self, course: JobProgress) -> float | None:
        """Seconds until the job is done; None: nothing is known yet, or it takes longer than any before.

        The speed is that over the whole time since the start, so that a job which stands still is thought
        to take ever longer.
        """
        if course.fraction >= _TELLING:
            return course.elapsed_s * (1 - min(course.fraction, 1.0)) / course.fraction
        known = self._mean.get(course.kind)
        if known is None:
            return None
        left = known * course.weight - course.elapsed_s
        return left if left > 0 else None
