"""The ledger itself as the broker: for one machine, or a few that share a database."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from eddyline.graph.command import Command, CommandKind
from eddyline.graph.job import Claim, Job, Settlement
from eddyline.graph.ledger.ledger import Ledger

_LOOK_EVERY_S = 1.0


class DirectBroker:
    """Jobs straight from the ledger's rows; every worker helps to sweep after lost ones."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def register(self, worker: str, host: str, pid: int, lease_s: float) -> None:
        """Make the worker known, with a lease of so many seconds."""
        self._ledger.register(worker, host, pid, lease_s)

    def claim(self, worker: str, *, pools: Sequence[str], limit: int, lease_s: float) -> list[Claim]:
        """Up to `limit` jobs to run now."""
        return self._ledger.claim(worker, pools=pools, limit=limit, lease_s=lease_s)

    def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """Hand in answers; False: given up for lost meanwhile, ignored."""
        return self._ledger.settle(settlements)

    def heartbeat(self, worker: str, lease_s: float) -> dict[str, int]:
        """Say that the worker lives; returns the jobs it still holds, with their fences."""
        return self._ledger.heartbeat(worker, lease_s)

    def held_jobs(self, worker: str) -> dict[str, int]:
        """The jobs that the worker still holds, with their fences."""
        return self._ledger.held(worker)

    def expire_leases(self) -> list[str]:
        """Take jobs back from workers whose lease ran out."""
        return self._ledger.expire()

    def deregister(self, worker: str) -> None:
        """The worker ends."""
        self._ledger.leave(worker)

    def seconds_until_due(self, pools: Sequence[str]) -> float | None:
        """Seconds until a job is due, or a lease runs out, next."""
        moment = self._ledger.next_wakeup(pools)
        return None if moment is None else moment - self._ledger.now()

    def job(self, job_id: str) -> Job | None:
        """A job as it stands now."""
        return self._ledger.job(job_id)

    def receive_commands(self, worker: str, wait_s: float) -> list[Command]:
        """What people want of this worker, looked for once; without any, returns after a second at most.

        Jobs to give up are no longer held, and that says it all.
        """
        found = self._ledger.orders(worker)
        self._ledger.heeded(found)
        wanted = [order for order in found if order.kind is not CommandKind.GIVE_UP]
        if not wanted:
            # Nothing is looked at after that: whoever asked may have closed the ledger meanwhile.
            time.sleep(min(wait_s, _LOOK_EVERY_S))
        return wanted

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after every change made through this process's ledger."""
        return self._ledger.subscribe(listener)
