"""What an engine needs of a queue: in memory, or on the production ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from eddyline.sim.queued_job import QueuedJob


class JobQueue(Protocol):
    """The waiting jobs of one pool. Times are in seconds and never decrease.

    `worker` is the simulated machine that runs the jobs: any object, always the same for one machine.
    """

    def __len__(self) -> int:
        """The number of waiting jobs."""
        ...

    def waiting_work(self) -> float:
        """The sum of the weights of the waiting jobs, in reference slot-seconds."""
        ...

    def oldest_ready(self) -> float | None:
        """When the oldest job became ready that could be claimed at the last operation; None without one."""
        ...

    def submit(self, now: float, jobs: Sequence[QueuedJob]) -> None:
        """Add new jobs that may be claimed at once."""
        ...

    def claim_one(self, now: float, worker: object = None) -> QueuedJob | None:
        """The next job, which then runs on `worker`; None if none can be claimed."""
        ...

    def claim(
        self, now: float, limit: int, worker: object = None, *, most_weight: float | None = None
    ) -> list[QueuedJob]:
        """Up to `limit` jobs, which then run on `worker`; with `most_weight` none of a larger weight."""
        ...

    def complete(self, job: QueuedJob) -> None:
        """End a running job."""
        ...

    def interrupt(self, now: float, jobs: Sequence[QueuedJob]) -> None:
        """The workers of running jobs hand them back: they are ready again at once, in front."""
        ...

    def take_back(self, now: float, jobs: Sequence[QueuedJob], worker: object = None) -> None:
        """The lease of a lost `worker` has ended: its jobs, all that it had, are ready again, in front."""
        ...
