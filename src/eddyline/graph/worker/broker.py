"""What a worker needs of the outside: where its jobs come from and where its answers go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from eddyline.graph.command import Command
from eddyline.graph.job import Claim, Job, Settlement


class Broker(Protocol):
    """The port between a worker and whatever hands out jobs."""

    def register(self, worker: str, host: str, pid: int, lease_s: float) -> None:
        """Make the worker known, with a lease of so many seconds."""
        ...

    def claim(self, worker: str, *, pools: Sequence[str], limit: int, lease_s: float) -> list[Claim]:
        """Up to `limit` jobs to run now; does not wait for any."""
        ...

    def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """Hand in answers; False: given up for lost meanwhile, ignored."""
        ...

    def heartbeat(self, worker: str, lease_s: float) -> dict[str, int]:
        """Say that the worker lives; returns the jobs it still holds, with their fences."""
        ...

    def held_jobs(self, worker: str) -> dict[str, int]:
        """The jobs that the worker still holds, with their fences; cheaper than a heartbeat."""
        ...

    def expire_leases(self) -> list[str]:
        """Take jobs back from lost workers, where that is the workers' own task."""
        ...

    def deregister(self, worker: str) -> None:
        """The worker ends and holds nothing any more: nobody need wait for its lease to run out."""
        ...

    def seconds_until_due(self, pools: Sequence[str]) -> float | None:
        """Seconds until a job of these classes may be due (0 or less: since so long); None: not known."""
        ...

    def job(self, job_id: str) -> Job | None:
        """A job as it stands now, for events; None where the broker cannot know."""
        ...

    def receive_commands(self, worker: str, wait_s: float) -> list[Command]:
        """What people want of this worker; each at least once, so that the worker must bear it twice.

        Waits up to `wait_s` for the first, perhaps less. Orders to give up a job are the broker's own to
        obey: `held_jobs` no longer names the job.
        """
        ...

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` when something may have changed in this process; returns how to end that."""
        ...
