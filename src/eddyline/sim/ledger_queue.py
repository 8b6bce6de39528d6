"""A queue for simulations that runs the production ledger, in virtual time.

Claims are answered by a `SimQueue` at once; the ledger repeats all operations soon after, hundreds in one
transaction, and must claim, take back and refuse exactly the same. So a simulation shows that the ledger
loses no job and does none twice while simulated workers end in any way.
"""

from __future__ import annotations

import random
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, select

from eddyline.core.clock import ManualClock
from eddyline.core.closeable import Closeable
from eddyline.graph.db.schema import jobs as job_table
from eddyline.graph.db.schema import starts as start_table
from eddyline.graph.job import NewJob
from eddyline.graph.ledger.ended_starts import StartOutcome
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State
from eddyline.sim.ledger_replay import (
    KIND,
    POOL,
    Claimed,
    Completed,
    DivergenceError,
    HandedBack,
    Operation,
    Replay,
    Retried,
    Submitted,
    TakenBack,
)
from eddyline.sim.queue import SimQueue
from eddyline.sim.queued_job import Place, QueuedJob

_OPERATIONS = 1000  # in one transaction: its confirmation by the disk takes milliseconds
_MAX_DIGITS = 18
# A worker that lives renews its lease: here it is so long that it need not.
_ALIVE_S = 1e12
_EARLY_S = 0.001  # a lease ends before the time at which the jobs are taken back

_STATES = {
    Place.WAITING: State.READY,
    Place.DELAYED: State.READY,
    Place.RUNNING: State.RUNNING,
    Place.DONE: State.DONE,
}


@dataclass(frozen=True, kw_only=True)
class LedgerCounts:
    """What the ledger says about all jobs.

    `lost`: jobs that the ledger does not have, or in another state than the simulation. `doubled`: jobs that
    were done more than once. `late`: results of workers that had lost their jobs; they were refused.
    """

    submitted: int
    done: int
    lost: int
    doubled: int
    late: int


class LedgerQueue(Closeable):
    """As `SimQueue`, on the production ledger; of one pool. Ids are numbers below 10^18, or texts.

    Every `worker` of a claim is a worker of the ledger, whose lease is renewed until its jobs are taken back.
    Raises `DivergenceError` from any method if the ledger does something else.
    """

    def __init__(self, *, seed: int = 0, directory: Path | None = None) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="eddyline-simulation-", dir=directory)
        # Both draw the same numbers: which jobs with deadlines go first.
        self._queue = SimQueue(random.Random(seed))  # noqa: S311 - a simulation must be repeatable
        rng = random.Random(seed)  # noqa: S311 - as above
        self._ledger = Ledger.open(Path(self._directory.name) / "ledger.db", clock=ManualClock(0.0), rng=rng)
        self._replay = Replay(rng=rng)
        self._operations: list[Operation] = []
        self._jobs: list[QueuedJob] = []
        self._names: dict[object, str] = {}
        self._worker_of: dict[int | str, str] = {}
        self._held: defaultdict[str, int] = defaultdict(int)
        self._now = 0.0

    def close(self) -> None:
        """Delete the ledger."""
        self._ledger.close()
        self._directory.cleanup()

    def __len__(self) -> int:
        """The number of waiting jobs."""
        return len(self._queue)

    def waiting_work(self) -> float:
        """The sum of the weights of the waiting jobs, in reference slot-seconds."""
        return self._queue.waiting_work()

    def oldest_ready(self) -> float | None:
        """When the oldest job became ready that could be claimed at the last operation; None without one."""
        return self._queue.oldest_ready()

    # Jobs

    def submit(self, now: float, jobs: Sequence[QueuedJob]) -> None:
        """Add new jobs that may be claimed at once."""
        self._queue.submit(now, jobs)
        self._jobs += jobs
        self._log(now, Submitted(now, [_new_job(job) for job in jobs]))

    def claim_one(self, now: float, worker: object = None) -> QueuedJob | None:
        """The next job, which then runs on `worker`; None if none can be claimed."""
        job = self._queue.claim_one(now)
        self._claimed(now, worker, 1, None, [] if job is None else [job])
        return job

    def claim(
        self, now: float, limit: int, worker: object = None, *, most_weight: float | None = None
    ) -> list[QueuedJob]:
        """Up to `limit` jobs, which then run on `worker`; with `most_weight` none of a larger weight."""
        jobs = self._queue.claim(now, limit, most_weight=most_weight)
        self._claimed(now, worker, limit, most_weight, jobs)
        return jobs

    def _claimed(
        self, now: float, worker: object, limit: int, most_weight: float | None, jobs: Sequence[QueuedJob]
    ) -> None:
        if limit < 1 or not (jobs or len(self._queue)):
            return
        name = self._names.get(worker)
        if name is None:
            name = self._names[worker] = f"machine-{len(self._names) + 1}"
        for job in jobs:
            self._worker_of[job.id] = name
        self._held[name] += len(jobs)
        self._log_claim(Claimed(now, name, _ALIVE_S, limit, most_weight, [ledger_id(job.id) for job in jobs]))

    def _log_claim(self, claim: Claimed) -> None:
        """Log a claim, together with the one before if the ledger would claim the same at once."""
        last = self._operations[-1] if self._operations else None
        if (
            isinstance(last, Claimed)
            and (last.worker, last.now, last.most_weight, claim.most_weight)
            == (claim.worker, claim.now, None, None)
            and not self._queue.has_deadlines
        ):
            last.limit += claim.limit
            last.ids += claim.ids
        else:
            self._log(claim.now, claim)

    def complete(self, job: QueuedJob) -> None:
        """End a running job, at the time of the last operation."""
        self._queue.complete(job)
        self._release(job)
        self._log(self._now, Completed(self._now, ledger_id(job.id), job.starts))

    def interrupt(self, now: float, jobs: Sequence[QueuedJob]) -> None:
        """The workers of running jobs hand them back: they are ready again at once, in front."""
        self._queue.interrupt(now, jobs)
        for job in jobs:
            self._release(job)
        self._log(now, HandedBack(now, [ledger_id(job.id) for job in jobs]))

    def retry(self, now: float, job: QueuedJob, at: float) -> None:
        """A running job failed: it may be claimed again from `at`."""
        self._queue.retry(now, job, at)
        self._release(job)
        self._log(now, Retried(now, ledger_id(job.id), max(at, now)))

    def complete_late(self, now: float, job: QueuedJob, start: int) -> None:
        """A worker that was lost reports the result of start number `start`: the ledger must refuse it."""
        self._log(now, Completed(now, ledger_id(job.id), start, is_late=True))

    def take_back(self, now: float, jobs: Sequence[QueuedJob], worker: object = None) -> None:
        """The lease of a lost `worker` has ended: its jobs, all that it had, are ready again, in front."""
        name = self._names.get(worker, "")
        if len(jobs) != self._held[name] or any(self._worker_of.get(job.id) != name for job in jobs):
            raise DivergenceError(
                f"{len(jobs)} jobs are taken back from {name or 'a new worker'}, which has {self._held[name]}"
            )
        self._queue.interrupt(now, jobs)
        for job in jobs:
            self._release(job)
        if jobs:
            self._log(now, TakenBack(now, name, now - _EARLY_S, [ledger_id(job.id) for job in jobs]))

    def _release(self, job: QueuedJob) -> None:
        self._held[self._worker_of.pop(job.id)] -= 1

    # The ledger

    def _log(self, now: float, operation: Operation) -> None:
        self._now = max(self._now, now)
        self._operations.append(operation)
        if len(self._operations) >= _OPERATIONS:
            self.flush()

    def flush(self) -> None:
        """Repeat the operations since the last time on the ledger."""
        operations, self._operations = self._operations, []
        self._ledger.write(lambda connection: self._replay.apply(connection, operations))

    def verify(self) -> LedgerCounts:
        """Count what became of all jobs, in the ledger and its start history."""
        self.flush()
        states, doubled = self._ledger.read(_states_and_doubled)
        lost = sum(states.pop(ledger_id(job.id), None) != _STATES[Place(job.place)] for job in self._jobs)
        return LedgerCounts(
            submitted=len(self._jobs),
            done=sum(job.place == Place.DONE for job in self._jobs),
            lost=lost + len(states),
            doubled=doubled + self._replay.accepted_late,
            late=self._replay.refused_late,
        )


def ledger_id(name: int | str) -> str:
    """The id of a job in the ledger: texts of numbers are ordered as the numbers."""
    return name if isinstance(name, str) else f"{name:0{_MAX_DIGITS}d}"


def _new_job(job: QueuedJob) -> NewJob:
    return NewJob(
        id=ledger_id(job.id),
        asset=str(job.asset),
        kind=KIND,
        spec={},
        pool=POOL,
        priority=job.priority,
        weight=job.weight,
        owner=str(job.owner),
        deadline=job.deadline,
    )


def _states_and_doubled(connection: Connection) -> tuple[dict[str, str], int]:
    """The state of each job, and the number of jobs with more than one start that is done."""
    rows = connection.execute(select(job_table.c.id, job_table.c.state))
    states = {str(row.id): str(row.state) for row in rows}
    done = select(start_table.c.job_id).where(start_table.c.outcome == StartOutcome.DONE.value)
    twice = done.group_by(start_table.c.job_id).having(func.count() > 1).subquery()
    return states, int(connection.execute(select(func.count()).select_from(twice)).scalar() or 0)
