"""The simulator's queue and the ledger get the same random operations: they must claim the same jobs."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import pytest
from sqlalchemy import Connection, delete
from tests.unit.graph.new_ledgers import new_ledger_file

from eddyline.core.clock import ManualClock
from eddyline.graph.db.schema import jobs, starts, workers
from eddyline.graph.job import Claim, Done, Failed, Interrupted, NewJob, Outcome, Settlement
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.retry import Failure, RetryAt, RetryPolicy
from eddyline.sim.queue import QueuedJob, SimQueue, claim_from

SEQUENCES = 240
OPERATIONS = 60
WORKERS = ("ada", "bob", "cyd")
# Short delays: some attempts are due before the next operation, some long after.
POLICY = RetryPolicy(max_attempts=50, base_s=1.0, factor=2.0, cap_s=30.0)


Parts: TypeAlias = tuple[Ledger, ManualClock, random.Random]


class DivergenceError(AssertionError):
    """The queue claimed other jobs than the ledger."""


@dataclass
class Mirror:
    """A ledger and queues that get the same operations. `running` are claims by the id of their job."""

    ledger: Ledger
    clock: ManualClock
    queues: dict[str, SimQueue]
    rng: random.Random
    """Draws what the ledger's generator draws."""
    choices: random.Random
    owners: int
    priorities: int
    urgent: float
    """The share of jobs with a deadline."""
    jobs: dict[str, QueuedJob] = field(default_factory=dict)
    pools: dict[str, str] = field(default_factory=dict)
    running: dict[str, tuple[Claim, str]] = field(default_factory=dict)

    def step(self) -> None:
        """One random operation on both."""
        kinds = ["submit", "claim", "claim", "claim", "complete", "interrupt", "lose", "fail", "wait"]
        kinds.append("claim_short")
        getattr(self, self.choices.choice(kinds))()

    def submit(self) -> None:
        count = self.choices.randint(1, 6)
        first = len(self.jobs)
        names = [f"j{number:04d}" for number in range(first, first + count)]
        self.choices.shuffle(names)  # ids are not always in the order of their rows
        new = [self._new(name) for name in names]
        self.ledger.submit(new)
        for pool, queue in self.queues.items():
            queue.submit(self.clock.now(), [self.jobs[job.id] for job in new if job.pool == pool])

    def _new(self, name: str) -> NewJob:
        pick = self.choices
        owner = f"o{pick.randrange(self.owners)}"
        priority = pick.randrange(self.priorities)
        weight = pick.choice((0.0, 1.0, 2.5, 40.0))
        deadline = self.clock.now() + pick.randint(0, 5) * 10.0 if pick.random() < self.urgent else None
        pool = pick.choice(list(self.queues))
        self.jobs[name] = QueuedJob(name, owner=owner, priority=priority, weight=weight, deadline=deadline)
        self.pools[name] = pool
        return NewJob(
            id=name,
            asset="a",
            kind="encode",
            spec={},
            pool=pool,
            owner=owner,
            priority=priority,
            weight=weight,
            deadline=deadline,
        )

    def claim(self) -> None:
        limit = self.choices.choice((1, 1, 1, 2, 3, 5, 8))
        self.claim_some(self.choices.choice(WORKERS), limit)

    def claim_short(self) -> None:
        """As a draining worker does."""
        self.claim_some("ada", self.choices.randint(1, 3), most_weight=self.choices.choice((1.0, 2.5)))

    def claim_some(self, worker: str, limit: int, *, most_weight: float | None = None) -> int:
        most = None if most_weight is None else {"encode": most_weight}
        pools = tuple(self.queues)
        claims = self.ledger.claim(worker, pools=pools, limit=limit, lease_s=60.0, most_weight=most)
        queues, now = list(self.queues.values()), self.clock.now()
        if limit == 1 and len(queues) == 1 and most is None:
            one = queues[0].claim_one(now)
            taken = [] if one is None else [one]
        else:
            taken = claim_from(queues, now, limit, self.rng, most_weight=most_weight)
        if [job.id for job in taken] != [claim.job.id for claim in claims]:
            raise DivergenceError(f"{[job.id for job in taken]} != {[claim.job.id for claim in claims]}")
        for claim in claims:
            self.running[claim.job.id] = claim, worker
            assert self.jobs[claim.job.id].starts == claim.job.starts
        return len(claims)

    def _some_running(self) -> list[str]:
        names = sorted(self.running)
        return self.choices.sample(names, min(len(names), self.choices.randint(1, 3)))

    def _settle(self, names: list[str], outcome: Outcome) -> list[Claim]:
        claims = [self.running.pop(name)[0] for name in names]
        accepted = self.ledger.settle(
            [Settlement(job_id=each.job.id, fence=each.fence, outcome=outcome) for each in claims]
        )
        assert all(accepted)
        return claims

    def complete(self) -> None:
        names = self._some_running()
        self._settle(names, Done(result={}))
        for name in names:
            self._queue(name).complete(self.jobs[name])

    def interrupt(self) -> None:
        names = self._some_running()
        self._settle(names, Interrupted())
        self._hand_back(names)

    def lose(self) -> None:
        worker = self.choices.choice(WORKERS)
        if self.choices.random() < 0.5:
            self.ledger.release_worker(worker)
            lost = {worker}
        else:
            self.clock.advance(70.0)
            lost = set(self.ledger.expire_leases().workers)
        names = sorted(name for name, (_, held_by) in self.running.items() if held_by in lost)
        for name in names:
            del self.running[name]
        self._hand_back(names)

    def _hand_back(self, names: list[str]) -> None:
        for pool, queue in self.queues.items():
            back = [self.jobs[name] for name in names if self.pools[name] == pool]
            queue.interrupt(self.clock.now(), back)

    def fail(self) -> None:
        for name in self._some_running()[:1]:
            (claim,) = self._settle([name], Failed(error={"message": "x"}, retry=True))
            failure = Failure(attempt=claim.job.attempt, retry=True, at=self.clock.now())
            decision = POLICY.decide(failure, self.rng)
            assert isinstance(decision, RetryAt)
            self._queue(name).retry(self.clock.now(), self.jobs[name], decision.at)

    def wait(self) -> None:
        self.clock.advance(self.choices.choice((0.25, 1.0, 5.0, 40.0)))

    def _queue(self, name: str) -> SimQueue:
        return self.queues[self.pools[name]]

    def check(self) -> None:
        """The counts of the queues are those of the ledger's waiting jobs."""
        waiting = [job for job in self.ledger.jobs() if job.state == "ready"]
        assert sum(len(queue) for queue in self.queues.values()) == len(waiting)
        work = sum(queue.waiting_work() for queue in self.queues.values())
        assert work == pytest.approx(sum(job.weight for job in waiting))
        for pool, queue in self.queues.items():
            due = [job.ready_at for job in waiting if job.pool == pool]
            oldest = min((at for at in due if at is not None and at <= self.clock.now()), default=None)
            queue.take_fair(self.clock.now(), 0)
            assert queue.oldest_ready() == oldest

    def finish(self) -> None:
        """Ends all jobs that wait."""
        while True:
            self.clock.advance(50.0)
            if not self.claim_some("ada", 7):
                break
        assert all(len(queue) == 0 for queue in self.queues.values())


@pytest.fixture(scope="module")
def location(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    path.write_bytes(new_ledger_file())
    return path


@pytest.fixture(scope="module")
def ledger_parts(location: Path) -> Iterator[Parts]:
    clock, rng = ManualClock(), random.Random(0)
    ledger = Ledger.open(location, clock=clock, rng=rng, policy=POLICY, poison_after=1000)
    yield ledger, clock, rng
    ledger.close()


def _delete_all(connection: Connection) -> None:
    for table in (jobs, starts, workers):
        connection.execute(delete(table))


def run_sequence(parts: Parts, seed: int, *, pools: int = 1, checks_counts: bool = True) -> None:
    """One random sequence; raises `DivergenceError` if the queue claims other jobs than the ledger."""
    ledger, clock, rng = parts
    ledger.write(_delete_all)
    rng.seed(seed)
    own = random.Random(seed)
    pick = random.Random(-seed - 1)
    mirror = Mirror(
        ledger=ledger,
        clock=clock,
        queues={f"pool{number}": SimQueue(own) for number in range(pools)},
        rng=own,
        choices=pick,
        owners=pick.choice((1, 2, 5)),
        priorities=pick.choice((1, 1, 3)),
        urgent=pick.choice((0.0, 0.0, 0.3, 1.0)),
    )
    for _ in range(OPERATIONS):
        mirror.step()
    if checks_counts:
        mirror.check()
    mirror.finish()


@pytest.mark.parametrize("first", range(0, SEQUENCES, 40))
def test_the_queue_claims_the_jobs_that_the_ledger_claims(ledger_parts: Parts, first: int) -> None:
    for seed in range(first, first + 40):
        run_sequence(ledger_parts, seed)


def test_a_claim_from_several_pools_is_that_of_the_ledger(
    ledger_parts: Parts,
) -> None:
    for seed in range(1000, 1040):
        run_sequence(ledger_parts, seed, pools=3)


def _without_shares(_self: SimQueue, _priority: int, _owner: str, _fronts: dict[int, float]) -> float:
    return 0.0


def _without_ready_order(self: SimQueue, job: QueuedJob, _ready_at: float) -> None:
    INSERT(self, job, 0.0)


def _at_the_end(self: SimQueue, now: float, jobs: list[QueuedJob]) -> None:
    INTERRUPT(self, now, jobs)
    for job in jobs:
        self.take(job)
        job.starts -= 1
        job.start_tag = 1e9
        self._insert(job, now)


def _without_deadlines(_self: SimQueue, _now: float, _most: int) -> list[QueuedJob]:
    return []


INSERT, INTERRUPT = SimQueue._insert, SimQueue.interrupt


@pytest.mark.parametrize(
    ("method", "mutant"),
    [
        ("_following", _without_shares),
        ("_insert", _without_ready_order),
        ("interrupt", _at_the_end),
        ("urgent", _without_deadlines),
    ],
)
def test_a_queue_with_another_order_is_found(
    ledger_parts: Parts, monkeypatch: pytest.MonkeyPatch, method: str, mutant: Callable[..., object]
) -> None:
    monkeypatch.setattr(SimQueue, method, mutant)

    def run() -> None:
        for seed in range(20):
            run_sequence(ledger_parts, seed, checks_counts=False)

    with pytest.raises(DivergenceError):
        run()
