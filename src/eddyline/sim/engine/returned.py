"""Jobs that were stopped before their end, and wait at the front of the queue again: in counts."""

from __future__ import annotations

_NOTHING = 1e-9


class Returned:
    """Stopped jobs. `pending` ones were lost and have not been found yet, `waiting` ones can be started.

    All have the same weight, the mean of them. `lost` counts those stopped since it was last reset.
    """

    def __init__(self) -> None:
        self.pending = 0.0
        self.waiting = 0.0
        self.lost = 0.0
        self._work = 0.0

    def expect(self, jobs: float, work: float) -> None:
        """Jobs were stopped, and will be added."""
        self.pending += jobs
        self._work += work

    def add(self, jobs: float) -> None:
        """Stopped jobs wait."""
        self.pending = max(self.pending - jobs, 0.0)
        self.waiting += jobs

    def waiting_work(self) -> float:
        """The work of those that wait."""
        return self._weight() * self.waiting

    def start(self, most: float) -> tuple[float, float]:
        """Start up to `most` jobs: how many, and their work."""
        jobs = min(self.waiting, most)
        work = jobs * self._weight()
        self.waiting -= jobs
        self._work -= work
        if self.waiting + self.pending <= _NOTHING:
            work += self._work
            self.waiting = self.pending = self._work = 0.0
        return jobs, work

    def _weight(self) -> float:
        total = self.waiting + self.pending
        return self._work / total if total > _NOTHING else 0.0
