"""The interface between a worker and the source of its jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from eddyline.graph.command import Command
from eddyline.graph.job import Claim, Job, Settlement


class Broker(Protocol):
    """Delivers jobs to a worker and takes its results."""

    def register(self, worker: str, host: str, pid: int, lease_s: float) -> None:
        """Register the worker with a lease of `lease_s` seconds."""
        ...

    def claim(
        self,
        worker: str,
        *,
        pools: Sequence[str],
        limit: int,
        lease_s: float,
        most_weight: Mapping[str, float] | None = None,
    ) -> list[Claim]:
        """Claim up to `limit` jobs; returns at once, with an empty list if none is due.

        With `most_weight`, only jobs whose kinds are its keys, of at most these weights. Longer jobs stay
        available to other workers; so do jobs far behind the first ones, which are not looked at.
        """
        ...

    def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """Record how claims ended; False: the worker no longer held the claim, so its outcome is ignored."""
        ...

    def heartbeat(self, worker: str, lease_s: float) -> dict[str, int]:
        """Renew the worker's lease; returns the ids of the jobs that it still holds, with their fences."""
        ...

    def held_jobs(self, worker: str) -> dict[str, int]:
        """The ids of the jobs that the worker still holds, with their fences; cheaper than a heartbeat."""
        ...

    def report_progress(self, worker: str, progress: Mapping[str, tuple[int, float]]) -> None:
        """Report progress by job: the fence of the claim and the fraction that is done (0 to 1).

        It is for display only: it may be sent later, or dropped. Raises `TransientError`.
        """
        ...

    def report_cpu(self, worker: str, spent: Mapping[str, tuple[int, float]]) -> None:
        """Report the CPU time so far by job: the fence of the claim and seconds.

        It counts if the worker is lost; a broker may ignore it. Raises `TransientError`.
        """
        ...

    def expire_leases(self) -> list[str]:
        """Take back the jobs of lost workers where workers have to do this; returns the jobs' ids."""
        ...

    def deregister(self, worker: str) -> None:
        """End the lease of a worker that exits and holds no jobs."""
        ...

    def seconds_until_due(self, pools: Sequence[str]) -> float | None:
        """Seconds until a job of these pools may be due (0 or less: one is due); None if unknown."""
        ...

    def job(self, job_id: str) -> Job | None:
        """The current state of a job, for events; None if the broker does not know it."""
        ...

    def receive_commands(self, worker: str, wait_s: float) -> list[Command]:
        """Receive commands for this worker, each at least once: the worker must tolerate duplicates.

        Waits up to `wait_s` seconds for the first one. The broker itself executes commands that cancel a job:
        `held_jobs` no longer lists the job.
        """
        ...

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` when something may have changed in this process; returns a function to end it."""
        ...
