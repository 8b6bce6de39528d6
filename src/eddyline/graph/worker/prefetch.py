"""How many jobs a worker claims beyond its free slots: none, unless its jobs take a few milliseconds."""

from __future__ import annotations

from collections.abc import Iterable

SHORT_S = 0.01
"""Mean duration of the latest jobs below which a worker prefetches."""

MAX_PREFETCH = 256
_INITIAL_MEAN_S = 0.02  # so that a worker prefetches only after a few short jobs
_WEIGHT = 0.4  # of the latest job in the mean


class Prefetch:
    """The prefetch limit of one worker. For one thread.

    A claim and a settlement take milliseconds. A worker whose jobs take less than that would spend most of
    its time in them, so it claims, and settles, many jobs at once. Media jobs take longer and are never
    prefetched: a job in one worker's queue is not available to the others.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._mean_s = _INITIAL_MEAN_S
        self.limit = 0
        """Jobs to claim beyond the free slots."""

    def record(self, durations_s: Iterable[float]) -> None:
        """Adjust the limit to the durations of jobs that have ended: it doubles while they are short."""
        for duration_s in durations_s:
            self._mean_s += _WEIGHT * (duration_s - self._mean_s)
        grown = min(max(self.limit, self._slots) * 2, MAX_PREFETCH)
        self.limit = grown if self._mean_s < SHORT_S else 0

    def reset(self) -> None:
        """Stop prefetching: a prefetched job did not start soon."""
        self._mean_s = _INITIAL_MEAN_S
        self.limit = 0
