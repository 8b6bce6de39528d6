"""Simulations on the production ledger: no job is lost or done twice while workers end in any way."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from eddyline.graph.db.schema import jobs as job_table
from eddyline.sim.ledger_queue import LedgerQueue, ledger_id
from eddyline.sim.ledger_replay import DivergenceError
from eddyline.sim.queued_job import QueuedJob


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[LedgerQueue]:
    with LedgerQueue(seed=3, directory=tmp_path) as opened:
        yield opened


def _jobs(first: int, count: int, **more: object) -> list[QueuedJob]:
    return [QueuedJob(first + number, asset=first, **more) for number in range(count)]  # type: ignore[arg-type]


def test_jobs_are_claimed_and_done(queue: LedgerQueue) -> None:
    queue.submit(0.0, _jobs(0, 3, weight=2.0))
    assert (len(queue), queue.waiting_work(), queue.oldest_ready()) == (3, 6.0, 0.0)
    first = queue.claim_one(1.0, "ada")
    assert first is not None
    rest = queue.claim(1.0, 5, "ada")
    assert [first.id, *(job.id for job in rest)] == [0, 1, 2]
    assert queue.claim_one(2.0, "ada") is None
    for job in (first, *rest):
        queue.complete(job)
    counts = queue.verify()
    assert (counts.submitted, counts.done, counts.lost, counts.doubled, counts.late) == (3, 3, 0, 0, 0)


def test_the_jobs_of_a_worker_that_dies_without_notice_come_back_when_its_lease_ends(
    queue: LedgerQueue,
) -> None:
    queue.submit(0.0, _jobs(0, 3))
    jobs = queue.claim(1.0, 2, "ada")
    other = queue.claim_one(1.0, "cyd")
    assert other is not None
    queue.take_back(130.0, jobs, "ada")
    queue.verify()
    assert queue.claim(131.0, 5, "bob") == jobs
    # The lost worker was only silent: its result is refused, and that of the second start counts.
    queue.complete_late(132.0, jobs[0], 1)
    for job in (*jobs, other):
        queue.complete(job)
    counts = queue.verify()
    assert (counts.done, counts.lost, counts.doubled, counts.late) == (3, 0, 0, 1)


def test_a_lost_worker_loses_all_its_jobs_and_no_others(queue: LedgerQueue) -> None:
    queue.submit(0.0, _jobs(0, 3))
    first, second = queue.claim(1.0, 2, "ada")
    third = queue.claim(1.0, 1, "bob")
    for jobs, worker in (([first], "ada"), ([first, *third], "ada"), ([first, second], "cyd")):
        with pytest.raises(DivergenceError, match="taken back from"):
            queue.take_back(2.0, jobs, worker)
    queue.take_back(2.0, [], "cyd")


def test_failures_are_retried_and_draining_workers_claim_short_jobs(queue: LedgerQueue) -> None:
    queue.submit(0.0, [QueuedJob("a", weight=50.0), QueuedJob("b", weight=5.0, deadline=9.0)])
    (short,) = queue.claim(1.0, 2, "ada", most_weight=10.0)
    assert short.id == "b"
    queue.retry(2.0, short, 20.0)
    assert [job.id for job in queue.claim(19.0, 2, "bob")] == ["a"]
    assert queue.claim_one(20.0, "bob") is short
    counts = queue.verify()
    assert (counts.submitted, counts.done, counts.lost) == (2, 0, 0)


class Fleet:
    """Random operations on a queue: machines that start, take jobs, end with and without a notice."""

    def __init__(self, queue: LedgerQueue, seed: int, *, deadlines: bool) -> None:
        self.queue = queue
        self.rng = random.Random(seed)
        self.deadlines = deadlines
        self.now = 0.0
        self.count = 0
        self.machines = 0
        self.held: defaultdict[str, list[QueuedJob]] = defaultdict(list)
        self.silent: list[tuple[float, str, list[QueuedJob]]] = []

    def run(self, jobs: int) -> None:
        for _ in range(8):
            self.launch()
        while self.count < jobs:
            self.now += self.rng.expovariate(1.0)
            self.submit(min(self.rng.randint(1, 30), jobs - self.count))
            for machine in list(self.held):
                self.work(machine)
            self.interrupt()
            self.expire()
        while len(self.queue) or any(self.held.values()) or self.silent:
            self.now += 5.0
            for machine in list(self.held):
                self.work(machine)
            self.expire()

    def launch(self) -> None:
        self.machines += 1
        self.held[f"i-{self.machines}"] = []

    def submit(self, count: int) -> None:
        owner = self.rng.randrange(5)
        deadline = self.now + 60.0 if self.deadlines and self.rng.random() < 0.5 else None
        more = {"owner": owner, "weight": 1.0 + owner, "deadline": deadline}
        self.queue.submit(self.now, _jobs(self.count, count, **more))
        self.count += count

    def work(self, machine: str) -> None:
        held = self.held[machine]
        for job in [each for each in held if self.rng.random() < 0.8]:
            held.remove(job)
            self.queue.complete(job)
        held += self.queue.claim(self.now, 8 - len(held), machine)

    def interrupt(self) -> None:
        if self.rng.random() < 0.2:
            machine = self.rng.choice(list(self.held))
            jobs = self.held.pop(machine)
            if self.rng.random() < 0.5:
                self.queue.interrupt(self.now, jobs)
            else:
                self.silent.append((self.now + 30.0, machine, jobs))
            self.launch()

    def expire(self) -> None:
        for at, machine, jobs in self.silent:
            if at <= self.now:
                late = [(job, job.starts) for job in jobs[:2]]
                self.queue.take_back(self.now, jobs, machine)
                for job, start in late:
                    self.queue.complete_late(self.now, job, start)
        self.silent = [each for each in self.silent if each[0] > self.now]


@pytest.mark.parametrize("deadlines", [False, True])
def test_no_job_is_lost_or_done_twice_under_random_interruptions(
    queue: LedgerQueue, *, deadlines: bool
) -> None:
    fleet = Fleet(queue, 12, deadlines=deadlines)
    fleet.run(3000)
    counts = queue.verify()
    assert (counts.submitted, counts.done, counts.lost, counts.doubled) == (3000, 3000, 0, 0)
    assert counts.late > 5


def test_a_ledger_that_claims_others_is_reported(queue: LedgerQueue) -> None:
    queue.submit(0.0, _jobs(0, 3))
    queue.flush()

    def change(connection: Connection) -> None:
        connection.execute(update(job_table).where(job_table.c.id == ledger_id(2)).values(priority=-1))

    queue._ledger.write(change)
    queue.claim_one(1.0, "ada")
    with pytest.raises(DivergenceError, match="the queue claimed"):
        queue.flush()


def test_jobs_that_the_ledger_has_lost_or_done_twice_are_counted(queue: LedgerQueue) -> None:
    queue.submit(0.0, _jobs(0, 3))
    queue.verify()
    queue._ledger.cancel(job=ledger_id(1))
    assert queue.verify().lost == 1
    queue._replay.accepted_late = 1
    assert queue.verify().doubled == 1


def test_results_that_the_ledger_refuses_are_reported(queue: LedgerQueue) -> None:
    queue.submit(0.0, _jobs(0, 2))
    first, second = queue.claim(0.0, 2, "ada")
    queue.flush()
    queue._ledger.cancel(asset="0")
    queue.complete(first)
    with pytest.raises(DivergenceError, match="refused the result"):
        queue.flush()
    queue._replay._done.clear()
    queue.interrupt(1.0, [second])
    with pytest.raises(DivergenceError, match="refused to take back"):
        queue.flush()
