"""A queue in order of arrival: for engines whose order of jobs does not matter."""
from __future__ import annotations
from collections import deque
from collections.abc import Sequence
from eddyline.sim.engine.job import SimJob

class FifoQueue:
    def __init__(self) -> None:
        self._jobs: deque[SimJob] = deque()
        self.waiting_work = 0.0
    def __len__(self): return len(self._jobs)
    def submit(self, now, jobs):
        for j in jobs:
            j.ready_at = now
            self.waiting_work += j.weight
        self._jobs.extend(jobs)
    def claim_one(self, now, most=1e18):
        if not self._jobs: return None
        j = self._jobs[0]
        if j.weight > most: return None
        self._jobs.popleft()
        self.waiting_work -= j.weight
        if not self._jobs: self.waiting_work = 0.0
        return j
    def interrupt(self, now, jobs):
        for j in reversed(jobs):
            self.waiting_work += j.weight
            self._jobs.appendleft(j)
    def complete(self, job): pass
    def oldest_ready(self):
        return self._jobs[0].ready_at if self._jobs else None
