"""The slots of a fleet in counts: how many run jobs, and how many become free in each step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from eddyline.sim.engine.instance import Offer
from eddyline.sim.engine.run_times import RunTimes

_STEPS_AHEAD = 512
_LEAST = 1e-9


class SlotFlow:
    """Slots of each pool, in fractions: a job occupies a slot until the end of its run time.

    `slots` take jobs, `busy` of them run one. Slots that take no more jobs, of drained instances, are counted
    by `leaving_power` while they run one. `ends[p, at + j]` is how many busy slots of pool p become free
    j + 1 steps from now.
    """

    def __init__(self, offers: Sequence[Offer]) -> None:
        self.speeds = sorted({each.speed for each in offers})
        self.classes = np.array([self.speeds.index(each.speed) for each in offers])
        self.speed = np.array([each.speed for each in offers])
        self.slots = np.zeros(len(offers))
        self.busy = np.zeros(len(offers))
        self.leaving_power = 0.0
        self.steps = 1  # the most steps that a job takes
        self._at = 0
        self._ends = np.zeros((len(offers), 2 * _STEPS_AHEAD))
        self._leaving = np.zeros(2 * _STEPS_AHEAD)

    def advance(self) -> None:
        """Go on by a step: jobs end."""
        at = self._at
        self.busy -= self._ends[:, at]
        np.maximum(self.busy, 0.0, out=self.busy)
        self.leaving_power = max(self.leaving_power - float(self._leaving[at]), 0.0)
        self._at = at + 1
        if self._at + self.steps > self._ends.shape[1]:
            self._move(self._ends.shape[1])

    def free(self) -> NDArray[np.float64]:
        """The slots of each pool that could take a job."""
        return np.maximum(self.slots - self.busy, 0.0)

    def busy_power(self) -> float:
        """The reference slots that run jobs."""
        return float(self.busy @ self.speed) + self.leaving_power

    def start(self, jobs: NDArray[np.float64], run_times: RunTimes, shares: NDArray[np.float64]) -> None:
        """Start jobs in each pool; `shares`: the histogram of their weights."""
        if run_times.steps > self.steps:
            self._grow(run_times.steps)
        self.busy += jobs
        releases = run_times.releases(shares)
        self._ends[:, self._at : self._at + run_times.steps] += jobs[:, None] * releases[self.classes]

    def busy_share(self, pool: int) -> float:
        """The share of the slots of a pool that run jobs."""
        slots = float(self.slots[pool])
        return min(float(self.busy[pool]) / slots, 1.0) if slots > _LEAST else 0.0

    @property
    def leaving_jobs(self) -> float:
        """The jobs that run on slots that take no more of them."""
        return self.leaving_power / float(self.speed.mean())

    def add(self, pool: int, slots: int) -> None:
        """Add slots that run no jobs."""
        self.slots[pool] += slots

    def leave(self, pool: int, slots: int, busy: float) -> None:
        """Some slots take no more jobs; the `busy` ones of them run theirs to the end."""
        ends = self._remove(pool, slots, busy)
        span = slice(self._at, self._at + len(ends))
        self._leaving[span] += ends * self.speed[pool]
        self.leaving_power += float(ends.sum() * self.speed[pool])

    def stop(self, pool: int, slots: int, busy: float) -> tuple[float, float]:
        """Some slots end with their jobs: how many jobs, and how many steps they had left on average."""
        ends = self._remove(pool, slots, busy)
        jobs = float(ends.sum())
        return jobs, self._mean_steps(ends, jobs)

    def stop_late(self, pool: int, slots: float, most: int) -> tuple[float, float]:
        """Stop the jobs on some slots that end in `most` steps at the earliest; the slots stay, and are free.

        Returns how many jobs, and how many steps they would still take on average.
        """
        share = min(slots / max(float(self.slots[pool]), _LEAST), 1.0)
        span = slice(self._at + most, self._at + self.steps)
        late = self._ends[pool, span] * share
        self._ends[pool, span] -= late
        jobs = float(late.sum())
        self.busy[pool] = max(self.busy[pool] - jobs, 0.0)
        return jobs, self._mean_steps(late, jobs) + most

    def last_end(self, pool: int, jobs: float) -> float:
        """The expected number of steps until the last of some running jobs of a pool ends."""
        busy = float(self.busy[pool])
        if jobs <= 0 or busy <= _LEAST:
            return 0.0
        ended = np.minimum(np.cumsum(self._ends[pool, self._at : self._at + self.steps]) / busy, 1.0)
        return float(np.sum(1 - ended**jobs)) + 0.5

    def _mean_steps(self, ends: NDArray[np.float64], jobs: float) -> float:
        return float(ends @ (np.arange(len(ends)) + 0.5)) / jobs if jobs > _LEAST else 0.0

    def _remove(self, pool: int, slots: int, busy: float) -> NDArray[np.float64]:
        """Remove slots; returns the ends of the jobs on the `busy` ones of them."""
        running = float(self.busy[pool])
        share = min(busy / running, 1.0) if running > _LEAST else 0.0
        span = slice(self._at, self._at + self.steps)
        ends = self._ends[pool, span] * share
        self._ends[pool, span] -= ends
        self.busy[pool] = running - running * share
        self.slots[pool] = max(self.slots[pool] - slots, 0.0)
        return np.asarray(ends, dtype=np.float64)

    def _grow(self, steps: int) -> None:
        self.steps = steps
        if self._at + steps > self._ends.shape[1]:
            self._move(max(steps + _STEPS_AHEAD, self._ends.shape[1]))

    def _move(self, size: int) -> None:
        """Move what is ahead to the beginning of the arrays."""
        ahead = self._ends.shape[1] - self._at
        ends, leaving = np.zeros((len(self.busy), size)), np.zeros(size)
        ends[:, :ahead] = self._ends[:, self._at :]
        leaving[:ahead] = self._leaving[self._at :]
        self._ends, self._leaving, self._at = ends, leaving, 0
