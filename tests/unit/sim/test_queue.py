"""The simulator's queue by itself: its counts, refused operations and its size after many jobs."""

from __future__ import annotations

import pytest

from eddyline.graph.states import IllegalTransition
from eddyline.sim.fair_shares import FairShares
from eddyline.sim.queue import SimQueue
from eddyline.sim.queued_job import QueuedJob


def _jobs(count: int, **more: object) -> list[QueuedJob]:
    return [QueuedJob(number, weight=2.0, **more) for number in range(count)]  # type: ignore[arg-type]


def test_the_waiting_work_and_the_oldest_job_follow_submissions_and_claims() -> None:
    queue = SimQueue()
    assert (len(queue), queue.waiting_work(), queue.oldest_ready()) == (0, 0.0, None)
    first, second = _jobs(2)
    queue.submit(1.0, [first])
    queue.submit(5.0, [second])
    assert (len(queue), queue.waiting_work(), queue.oldest_ready()) == (2, 4.0, 1.0)
    assert queue.claim_one(6.0) is first
    assert (len(queue), queue.waiting_work(), queue.oldest_ready()) == (1, 2.0, 5.0)
    queue.interrupt(7.0, [first])
    assert queue.oldest_ready() == 5.0
    assert queue.claim(8.0, 5) == [second, first]  # the same start tag, but ready later
    assert (len(queue), queue.waiting_work(), queue.oldest_ready()) == (0, 0.0, None)
    assert (first.starts, second.starts) == (2, 1)


def test_a_retry_waits_until_it_is_due() -> None:
    queue = SimQueue()
    (job,) = _jobs(1)
    queue.submit(0.0, [job])
    assert queue.claim_one(0.0) is job
    queue.retry(1.0, job, 9.0)
    assert (len(queue), queue.waiting_work(), queue.oldest_ready()) == (1, 2.0, None)
    assert queue.claim_one(8.9) is None
    assert queue.claim_one(9.0) is job
    assert len(queue) == 0


def test_operations_on_jobs_that_are_elsewhere_are_refused() -> None:
    queue = SimQueue()
    (job,) = _jobs(1)
    with pytest.raises(IllegalTransition, match="job 0 is new: it cannot be completed"):
        queue.complete(job)
    queue.submit(0.0, [job])
    with pytest.raises(IllegalTransition, match="is waiting: it cannot be submitted"):
        queue.submit(0.0, [job])
    with pytest.raises(IllegalTransition, match="is waiting: it cannot be handed back"):
        queue.interrupt(0.0, [job])
    queue.claim_one(0.0)
    with pytest.raises(IllegalTransition, match="is running: it cannot be claimed"):
        queue.take(job)
    queue.complete(job)
    with pytest.raises(IllegalTransition, match="is done: it cannot be completed"):
        queue.complete(job)


def test_two_owners_get_the_same_share_of_work() -> None:
    queue = SimQueue()
    queue.submit(0.0, [QueuedJob(number, owner="many", weight=1.0) for number in range(10)])
    queue.submit(0.0, [QueuedJob(100, owner="few", weight=1.0), QueuedJob(101, owner="few", weight=1.0)])
    assert [job.id for job in queue.claim(0.0, 5)] == [0, 100, 1, 101, 2]


def test_claimed_jobs_do_not_pile_up_behind_one_that_is_never_claimed() -> None:
    queue = SimQueue()
    queue.submit(0.0, [QueuedJob(-1, priority=9)])
    for number in range(5000):
        queue.submit(float(number), [QueuedJob(number, deadline=float(number))])
        job = queue.claim_one(float(number))
        assert job is not None
        assert job.id == number
        queue.complete(job)
    assert len(queue._ready) < 200
    assert len(queue._urgent) < 5
    assert sum(len(level.heads) for level in queue._fair._levels.values()) < 5
    assert queue.oldest_ready() == 0.0


def test_no_share_remains_without_jobs() -> None:
    shares = FairShares()
    assert (shares.first(), shares.front(0), shares.end(0, "ada")) == (None, None, None)
    queue = SimQueue()
    for number in range(100):
        queue.submit(0.0, [QueuedJob(number, owner=number)])
        queue.claim_one(0.0)
    assert all(not level.shares for level in queue._fair._levels.values())
