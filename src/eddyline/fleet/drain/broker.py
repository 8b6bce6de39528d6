"""A broker that can stop delivering new jobs, or deliver only short ones, while running jobs continue."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence

from eddyline.core.errors import EddylineError
from eddyline.fleet.drain.policy import ClaimKey
from eddyline.graph.command import Command
from eddyline.graph.job import Claim, Interrupted, Job, Settlement
from eddyline.graph.worker.broker import Broker


class DrainingBroker:
    """Wraps the broker of a worker. Safe from any thread."""

    def __init__(self, inner: Broker) -> None:
        self._inner = inner
        self._claim_lock = threading.Lock()
        self._listeners_lock = threading.Lock()
        self._hand_back_lock = threading.Lock()
        self._most_weight: Mapping[str, float] | None = None
        self._last_claim: tuple[str, tuple[str, ...], float] | None = None
        self._listeners: list[Callable[[], None]] = []
        self._handed_back: set[ClaimKey] = set()

    @property
    def _accepts_jobs(self) -> bool:
        return self._most_weight is None or bool(self._most_weight)

    def accept_jobs(self, most_weight: Mapping[str, float] | None) -> None:
        """Deliver only new jobs of these kinds and at most these weights (None: all; empty: none).

        Wakes the worker when this changes from or to none; never blocks.
        """
        before = self._accepts_jobs
        self._most_weight = most_weight
        if before != self._accepts_jobs:
            self.wake()

    def wake(self) -> None:
        """Let the worker try to claim again; never blocks."""
        with self._listeners_lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def stop_fetching(self) -> None:
        """Make a broker that fetches in advance stop and return what it has fetched; may block."""
        with self._claim_lock:
            if self._last_claim is None or self._accepts_jobs:
                return
            worker, pools, lease_s = self._last_claim
            with contextlib.suppress(EddylineError):  # then the broker itself returns it a little later
                self._inner.claim(worker, pools=pools, limit=0, lease_s=lease_s)

    def hand_back(self, back: Sequence[Settlement]) -> None:
        """Hand back running jobs at once: other workers need not wait until their handlers have stopped.

        If the broker cannot be reached, the worker hands them back when the handlers have stopped.
        """
        if not back:
            return
        # The worker's own settlements wait for the result: if this call fails, theirs are needed.
        with self._hand_back_lock, contextlib.suppress(EddylineError):
            accepted = self._inner.settle(back)
            self._handed_back.update(_key(each) for each, yes in zip(back, accepted, strict=True) if yes)

    def waiting_s(self) -> float | None:
        """Seconds that the oldest job which this worker could claim has been due; None if unknown."""
        if self._last_claim is None:
            return None
        _, pools, _ = self._last_claim
        try:
            until_due_s = self._inner.seconds_until_due(pools)
        except EddylineError:
            return None
        return None if until_due_s is None else max(-until_due_s, 0.0)

    # Methods of Broker that depend on the state

    def claim(
        self,
        worker: str,
        *,
        pools: Sequence[str],
        limit: int,
        lease_s: float,
        most_weight: Mapping[str, float] | None = None,
    ) -> list[Claim]:
        """Claim up to `limit` jobs; while draining only those that are accepted."""
        with self._claim_lock:
            self._last_claim = worker, tuple(pools), lease_s
            if not self._accepts_jobs:
                return []
            most = self._most_weight if most_weight is None else most_weight
            return self._inner.claim(worker, pools=pools, limit=limit, lease_s=lease_s, most_weight=most)

    def seconds_until_due(self, pools: Sequence[str]) -> float | None:
        """Seconds until a job may be due; None, as if unknown, while not all jobs are accepted.

        Otherwise the worker would try again and again to claim a job that is due, but too long.
        """
        return self._inner.seconds_until_due(pools) if self._most_weight is None else None

    def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """Record how claims ended; interruptions of jobs already handed back count as accepted."""
        with self._hand_back_lock:
            done = [
                isinstance(each.outcome, Interrupted) and _key(each) in self._handed_back
                for each in settlements
            ]
            self._handed_back.difference_update(_key(each) for each in settlements)
        rest = [each for each, is_done in zip(settlements, done, strict=True) if not is_done]
        accepted = iter(self._inner.settle(rest) if rest else ())
        return [is_done or next(accepted) for is_done in done]

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` when something may have changed, this broker's state included."""
        unsubscribe = self._inner.subscribe(listener)
        with self._listeners_lock:
            self._listeners.append(listener)

        def end() -> None:
            with self._listeners_lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)
            unsubscribe()

        return end

    # Methods of Broker that are passed on

    def register(self, worker: str, host: str, pid: int, lease_s: float) -> None:
        """Register the worker."""
        self._inner.register(worker, host, pid, lease_s)

    def heartbeat(self, worker: str, lease_s: float) -> dict[str, int]:
        """Renew the worker's lease; returns the jobs that it still holds."""
        return self._inner.heartbeat(worker, lease_s)

    def held_jobs(self, worker: str) -> dict[str, int]:
        """The jobs that the worker still holds."""
        return self._inner.held_jobs(worker)

    def report_progress(self, worker: str, progress: Mapping[str, tuple[int, float]]) -> None:
        """Report the progress of jobs."""
        self._inner.report_progress(worker, progress)

    def report_cpu(self, worker: str, spent: Mapping[str, tuple[int, float]]) -> None:
        """Report the CPU time of jobs."""
        self._inner.report_cpu(worker, spent)

    def expire_leases(self) -> list[str]:
        """Take back the jobs of lost workers."""
        return self._inner.expire_leases()

    def deregister(self, worker: str) -> None:
        """End the worker's lease."""
        self._inner.deregister(worker)

    def receive_commands(self, worker: str, wait_s: float) -> list[Command]:
        """Receive the worker's commands."""
        return self._inner.receive_commands(worker, wait_s)

    def job(self, job_id: str) -> Job | None:
        """The current state of a job."""
        return self._inner.job(job_id)


def _key(settlement: Settlement) -> ClaimKey:
    return settlement.job_id, settlement.fence
