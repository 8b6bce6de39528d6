"""A broker with a gate in front: closed, it gives out no more jobs; all that runs goes on as before."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence

from eddyline.core.errors import EddylineError
from eddyline.fleet.drain_policy import ClaimKey
from eddyline.graph.command import Command
from eddyline.graph.job import Claim, Interrupted, Job, Settlement
from eddyline.graph.worker.broker import Broker


class DrainingBroker:
    """A `graph.broker.Broker` around another. Safe from any thread."""

    def __init__(self, inner: Broker) -> None:
        self._inner = inner
        self._claiming = threading.Lock()
        self._listening = threading.Lock()
        self._returning = threading.Lock()
        self._open = True
        self._asked: tuple[str, tuple[str, ...], float] | None = None
        self._listeners: list[Callable[[], None]] = []
        self._returned: set[ClaimKey] = set()

    def admit(self, *, new: bool) -> None:
        """Let new jobs through or not, from now on, and wake the worker; never waits."""
        if new == self._open:
            return
        self._open = new
        with self._listening:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def want_nothing(self) -> None:
        """Have a broker that fetches ahead stop that, and give back what it has fetched; may wait for it."""
        with self._claiming:
            if self._asked is None or self._open:
                return
            worker, pools, lease_s = self._asked
            with contextlib.suppress(EddylineError):  # what was fetched ahead is given back a little later
                self._inner.claim(worker, pools=pools, limit=0, lease_s=lease_s)

    def hand_back(self, keys: Sequence[ClaimKey]) -> None:
        """Give running jobs back at once: whoever takes them need not wait until their handlers have ended.

        If the broker cannot be reached, the worker gives them back when they have.
        """
        if not keys:
            return
        back = [Settlement(job_id=job_id, fence=fence, outcome=Interrupted()) for job_id, fence in keys]
        # Until it is known whether that was done, the worker's own answers wait: they may be what counts.
        with self._returning, contextlib.suppress(EddylineError):
            accepted = self._inner.settle(back)
            self._returned.update(key for key, yes in zip(keys, accepted, strict=True) if yes)

    def waiting_s(self) -> float | None:
        """How long the oldest job that could be claimed here has been due; None: not known."""
        asked = self._asked
        if asked is None:
            return None
        try:
            until = self._inner.seconds_until_due(asked[1])
        except EddylineError:
            return None
        return None if until is None else max(-until, 0.0)

    # What the gate changes

    def claim(self, worker: str, *, pools: Sequence[str], limit: int, lease_s: float) -> list[Claim]:
        """Up to `limit` jobs; none while the gate is closed."""
        with self._claiming:
            self._asked = worker, tuple(pools), lease_s
            if not self._open:
                return []
            return self._inner.claim(worker, pools=pools, limit=limit, lease_s=lease_s)

    def seconds_until_due(self, pools: Sequence[str]) -> float | None:
        """Seconds until a job may be due; not to be known while the gate is closed."""
        return self._inner.seconds_until_due(pools) if self._open else None

    def settle(self, settlements: Sequence[Settlement]) -> list[bool]:
        """Hand in answers; what was handed back already needs no more, and is said to be accepted."""
        with self._returning:
            known = [_is_back(each) and _key(each) in self._returned for each in settlements]
            self._returned.difference_update(_key(each) for each in settlements)
        rest = [each for each, done in zip(settlements, known, strict=True) if not done]
        answers = iter(self._inner.settle(rest) if rest else ())
        return [done or next(answers) for done in known]

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` when something may have changed, the gate included."""
        unsubscribe = self._inner.subscribe(listener)
        with self._listening:
            self._listeners.append(listener)

        def end() -> None:
            with self._listening:
                if listener in self._listeners:
                    self._listeners.remove(listener)
            unsubscribe()

        return end

    # What it does not

    def register(self, worker: str, host: str, pid: int, lease_s: float) -> None:
        """Make the worker known."""
        self._inner.register(worker, host, pid, lease_s)

    def heartbeat(self, worker: str, lease_s: float) -> dict[str, int]:
        """Say that the worker lives; the jobs it still holds."""
        return self._inner.heartbeat(worker, lease_s)

    def held_jobs(self, worker: str) -> dict[str, int]:
        """The jobs that the worker still holds."""
        return self._inner.held_jobs(worker)

    def expire_leases(self) -> list[str]:
        """Take jobs back from lost workers."""
        return self._inner.expire_leases()

    def deregister(self, worker: str) -> None:
        """The worker ends."""
        self._inner.deregister(worker)

    def receive_commands(self, worker: str, wait_s: float) -> list[Command]:
        """What people want of the worker."""
        return self._inner.receive_commands(worker, wait_s)

    def job(self, job_id: str) -> Job | None:
        """A job as it stands now."""
        return self._inner.job(job_id)


def _key(settlement: Settlement) -> ClaimKey:
    return settlement.job_id, settlement.fence


def _is_back(settlement: Settlement) -> bool:
    return isinstance(settlement.outcome, Interrupted)
