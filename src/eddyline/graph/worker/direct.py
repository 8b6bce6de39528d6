"""The broker of workers that have access to the ledger: on one machine, or sharing a database."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from eddyline.graph.command import Command, CommandKind
from eddyline.graph.job import Claim, Job, Settlement
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import UNKNOWN_MACHINE, Machine

_POLL_S = 1.0


class DirectBroker:
    """Claims jobs from the ledger's rows; every worker helps to expire the leases of lost workers.

    `machine` is where the worker runs.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        machine: Machine = UNKNOWN_MACHINE,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ledger = ledger
        self._machine = machine
        self._sleep = sleep

    def register(self, worker: str, host: str, pid: int, lease_s: float) -> None:
        """Register the worker with a lease of `lease_s` seconds."""
        self._ledger.register(worker, host, pid, lease_s, machine=self._machine)

    def claim(
        self,
        worker: str,
        *,
        pools: Sequence[str],
        limit: int,
        lease_s: float,
        most_weight: Mapping[str, float] | None = None,
    ) -> list[Claim]:
        """Claim up to `limit` jobs; with `most_weight` only jobs of these kinds and at most these weights."""
        return self._ledger.claim(worker, pools=pools, limit=limit, lease_s=lease_s, most_weight=most_weight)

    def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """Record how claims ended; False for a claim that the worker no longer held."""
        return self._ledger.settle(settlements)

    def heartbeat(self, worker: str, lease_s: float) -> dict[str, int]:
        """Renew the worker's lease; returns the ids of the jobs that it still holds, with their fences."""
        return self._ledger.heartbeat(worker, lease_s, machine=self._machine)

    def held_jobs(self, worker: str) -> dict[str, int]:
        """The ids of the jobs that the worker still holds, with their fences."""
        return self._ledger.held_jobs(worker)

    def report_progress(self, worker: str, progress: Mapping[str, tuple[int, float]]) -> None:  # noqa: ARG002 - fences identify the claims
        """Record the progress of jobs in the ledger, in one transaction."""
        self._ledger.progress.record(progress)

    def report_cpu(self, worker: str, spent: Mapping[str, tuple[int, float]]) -> None:  # noqa: ARG002 - fences identify the claims
        """Record the CPU time of jobs in the ledger, in one transaction."""
        self._ledger.progress.record_cpu(spent)

    def expire_leases(self) -> list[str]:
        """Take back the jobs of workers whose leases have expired."""
        return list(self._ledger.expire_leases().jobs)

    def deregister(self, worker: str) -> None:
        """End the worker's lease."""
        self._ledger.deregister(worker)

    def seconds_until_due(self, pools: Sequence[str]) -> float | None:
        """Seconds until a job is due or a lease expires, whichever is first."""
        due_at = self._ledger.next_wakeup(pools)
        return None if due_at is None else due_at - self._ledger.now()

    def job(self, job_id: str) -> Job | None:
        """The current state of a job."""
        return self._ledger.job(job_id)

    def receive_commands(self, worker: str, wait_s: float) -> list[Command]:
        """Read the worker's commands once; returns after at most a second if there are none.

        Commands that cancel a job are left out: the ledger no longer lists the job as held.
        """
        found = self._ledger.commands(worker)
        self._ledger.confirm_commands(found)
        commands = [command for command in found if command.kind is not CommandKind.CANCEL]
        if not commands:
            # The ledger is not used after the pause: the caller may have closed it meanwhile.
            self._sleep(min(wait_s, _POLL_S))
        return commands

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after every change that is made through this process's ledger."""
        return self._ledger.subscribe(listener)
