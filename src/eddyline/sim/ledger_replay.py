"""Operations of a simulated fleet, applied to the production ledger in the order in which they happened.

Many operations share one transaction, each with its own time: the functions are those that the methods of
`Ledger` call. Results of jobs that are done are collected, because their order among claims and submissions
has no effect; they are written before anything that could take their jobs back.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from sqlalchemy import Connection

from eddyline.core.errors import EddylineError
from eddyline.graph.job import Done, Failed, Interrupted, NewJob, Outcome, Settlement
from eddyline.graph.ledger import complete, leases, submit
from eddyline.graph.retry import Failure, RetryAt, RetryPolicy

POOL, KIND = "cpu", "encode"
_BATCH = 50  # results in one statement
_NEVER_POISON = 2**31  # a market may interrupt a job any number of times
_DONE = Done(result={})


class DivergenceError(EddylineError):
    """The ledger did something else than the queue of the simulator."""

    default_remedy = (
        "report it with the scenario and its seed: the order of the queue differs from the ledger's"
    )


@dataclass(frozen=True, slots=True)
class Submitted:
    """New jobs."""

    now: float
    jobs: Sequence[NewJob]


@dataclass(slots=True)
class Claimed:
    """The jobs `ids` were claimed by a worker, whose lease lasts `lease_s`."""

    now: float
    worker: str
    lease_s: float
    limit: int
    most_weight: float | None
    ids: list[str]


@dataclass(frozen=True, slots=True)
class Completed:
    """A job is done, in its start number `start`; `is_late` if its worker had lost it before."""

    now: float
    id: str
    start: int
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class HandedBack:
    """The jobs of `ids` were handed back by their workers."""

    now: float
    ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class Retried:
    """A job failed, and may be claimed again from `at`."""

    now: float
    id: str
    at: float


@dataclass(frozen=True, slots=True)
class TakenBack:
    """The lease of a worker ended at `ended`, and its jobs `ids` were taken back."""

    now: float
    worker: str
    ended: float
    ids: Sequence[str]


Operation: TypeAlias = Submitted | Claimed | Completed | HandedBack | Retried | TakenBack


@dataclass(frozen=True, kw_only=True)
class _RetryAt(RetryPolicy):
    """Retries at a time that was decided before."""

    at: float

    def decide(self, failure: Failure, rng: random.Random) -> RetryAt:  # noqa: ARG002 - decided before
        return RetryAt(at=self.at)


@dataclass(kw_only=True)
class Replay:
    """What was applied: the fences by job and start, accepted and refused late results."""

    rng: random.Random
    fences: dict[str, list[int]] = field(default_factory=dict)
    accepted_late: int = 0
    refused_late: int = 0
    _done: list[Completed] = field(default_factory=list)

    def apply(self, connection: Connection, operations: Sequence[Operation]) -> None:
        """Apply operations; raises `DivergenceError` if the ledger claims, takes back or refuses others."""
        for each in operations:
            match each:
                case Completed(is_late=False):
                    self._done.append(each)
                    if len(self._done) >= _BATCH:
                        self._settle_done(connection)
                case Claimed():
                    self._claim(connection, each)
                case Submitted():
                    submit.add(connection, each.jobs, each.now)
                case _:
                    self._settle_done(connection)
                    self._end(connection, each)
        self._settle_done(connection)

    def _claim(self, connection: Connection, each: Claimed) -> None:
        claims = leases.claim(
            connection,
            each.worker,
            pools=(POOL,),
            limit=each.limit,
            lease_s=each.lease_s,
            now=each.now,
            rng=self.rng,
            most_weight=None if each.most_weight is None else {KIND: each.most_weight},
        )
        claimed = [claim.job.id for claim in claims]
        if claimed != each.ids:
            raise DivergenceError(
                f"at {each.now:g} s the queue claimed {each.ids[:5]}, the ledger {claimed[:5]}"
            )
        for claim in claims:
            self.fences.setdefault(claim.job.id, []).append(claim.fence)

    def _end(self, connection: Connection, each: Operation) -> None:
        """Apply an operation that may take jobs back."""
        match each:
            case HandedBack():
                self._settle(connection, each.ids, Interrupted(), each.now)
            case Retried():
                policy = _RetryAt(at=each.at)
                failed = Failed(error={"error": "Failed", "message": "simulated"}, retry=True)
                self._settle(connection, [each.id], failed, each.now, policy=policy)
            case TakenBack():
                # It was renewed the last time when it was long enough for the lease to end now.
                leases.extend(connection, each.worker, 0.0, each.ended)
                lost = sorted(leases.expire(connection, poison_after=_NEVER_POISON, now=each.now).jobs)
                if lost != sorted(each.ids):
                    raise DivergenceError(
                        f"at {each.now:g} s the simulator took back {each.ids[:5]}, the ledger {lost[:5]}"
                    )
            case Completed():
                late = Settlement(job_id=each.id, fence=self.fences[each.id][each.start - 1], outcome=_DONE)
                (accepted,) = self._results(connection, [late], each.now)
                self.accepted_late += accepted
                self.refused_late += not accepted
            case _:
                raise TypeError(each)

    def _settle_done(self, connection: Connection) -> None:
        if not self._done:
            return
        now = self._done[-1].now
        settlements = [
            Settlement(job_id=each.id, fence=self.fences[each.id][each.start - 1], outcome=_DONE)
            for each in self._done
        ]
        accepted = self._results(connection, settlements, now)
        if not all(accepted):
            refused = settlements[accepted.index(False)].job_id
            raise DivergenceError(f"by {now:g} s the ledger refused the result of job {refused}")
        self._done.clear()

    def _settle(
        self,
        connection: Connection,
        ids: Sequence[str],
        outcome: Outcome,
        now: float,
        policy: RetryPolicy | None = None,
    ) -> None:
        settlements = [Settlement(job_id=name, fence=self.fences[name][-1], outcome=outcome) for name in ids]
        if not all(self._results(connection, settlements, now, policy=policy)):
            raise DivergenceError(f"at {now:g} s the ledger refused to take back one of {list(ids)[:5]}")

    def _results(
        self,
        connection: Connection,
        settlements: Sequence[Settlement],
        now: float,
        policy: RetryPolicy | None = None,
    ) -> list[bool]:
        return complete.settle(connection, settlements, now=now, policy=policy or RetryPolicy(), rng=self.rng)
