"""Ready jobs are enqueued in the outbox in the same transaction, and published until confirmed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.unit.graph.coordinator_helpers import (
    apply_reports,
    job_result,
    job_started,
    publish_due,
    publish_one,
)
from tests.unit.graph.ledger_helpers import done, failed, finish, get, interrupted, new

from eddyline.core.clock import ManualClock
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.outbox.reconcile import Reconciled, ReconcileLimits, UnheldPublication, lost_jobs
from eddyline.graph.messages import STRIDE, Heartbeat
from eddyline.graph.states import State

BOUNDS = ReconcileLimits(grace_s=1, stale_s=100, give_up_s=1000)


@pytest.fixture
def ledger(ledger_url: str, clock: ManualClock) -> Iterator[Ledger]:
    with Ledger.open(ledger_url, clock=clock, publishes=True) as opened:
        yield opened


def _reconcile(ledger: Ledger, depth: int) -> Reconciled:
    return ledger.publications.reconcile({"cpu": depth}, lambda pool, _priority: pool, BOUNDS)


def test_a_job_submitted_ready_is_published_once(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2"), new("a-3", "a-1")])
    assert [each.job.id for each in publish_due(ledger)] == ["a-1", "a-2"]
    assert publish_due(ledger) == []


def test_a_publication_contains_the_complete_job(ledger: Ledger) -> None:
    ledger.submit([new("a-1", spec={"frames": [0, 48]}, priority=3, owner="ada", weight=2.5)])
    assert publish_one(ledger).job == get(ledger, "a-1")


def test_jobs_that_a_done_job_releases_and_spawns_are_published(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2", "a-1")])
    assert apply_reports(ledger, job_result(publish_one(ledger), done(new("a-9")))) == 1
    assert {each.job.id for each in publish_due(ledger)} == {"a-2", "a-9"}


def test_a_rejected_submission_publishes_nothing(ledger: Ledger) -> None:
    with pytest.raises(Exception, match="not a job"):
        ledger.submit([new("a-1"), new("a-2", "nowhere")])
    assert publish_due(ledger) == []


def test_a_retry_is_published_with_a_larger_fence_when_it_is_due(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-1")])
    first = publish_one(ledger)
    apply_reports(ledger, job_result(first, failed()))
    assert publish_due(ledger) == []
    clock.advance(1)
    second = publish_one(ledger)
    assert second.base == first.base + STRIDE
    assert second.job.attempt == 1


def test_an_unconfirmed_publication_is_taken_again(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-1")])
    (first,) = ledger.publications.take(pools=("cpu",), limit=9, hold_s=20)
    assert publish_due(ledger) == []
    clock.advance(21)
    # The same publication: the result counts for every copy of the message.
    assert publish_due(ledger) == [first]


def test_the_result_of_an_unconfirmed_publication_counts(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-1"), new("a-2", "a-1")])
    (sent,) = ledger.publications.take(pools=("cpu",), limit=9, hold_s=20)
    # The coordinator was killed between sending and confirming, and a worker has started the job.
    apply_reports(ledger, job_started(sent))
    clock.advance(21)
    assert publish_due(ledger) == []
    assert apply_reports(ledger, job_result(sent, done())) == 1
    assert get(ledger, "a-2").state == State.READY


def test_a_deferred_publication_is_due_again_after_a_pause(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-1")])
    ledger.publications.defer(ledger.publications.take(pools=("cpu",), limit=9, hold_s=20), 0.5)
    assert publish_due(ledger) == []
    clock.advance(0.5)
    assert len(publish_due(ledger)) == 1


def test_cancelled_jobs_are_not_published(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2")])
    ledger.cancel(job="a-1")
    assert [each.job.id for each in publish_due(ledger)] == ["a-2"]


def test_jobs_of_pools_without_a_queue_are_kept_and_counted(ledger: Ledger) -> None:
    ledger.submit([new("a-1", pool="gpu"), new("a-2")])
    assert [each.job.id for each in publish_due(ledger)] == ["a-2"]
    assert ledger.publications.unpublishable_counts(
        lambda pool, _priority: "q" if pool == "cpu" else None
    ) == {"gpu": 1}


def test_publications_are_taken_by_priority_and_owners_alternate(ledger: Ledger) -> None:
    ledger.submit([new(f"bulk-{n}", owner="bulk") for n in range(3)])
    ledger.submit([new("ada-1", owner="ada"), new("now-1", owner="bulk", priority=-1)])
    order = [each.job.id for each in publish_due(ledger)]
    assert order[0] == "now-1"
    assert order.index("ada-1") < order.index("bulk-2")


def test_a_job_handed_back_is_not_published_again(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2")])
    first, second = publish_due(ledger)
    apply_reports(ledger, job_started(first), job_result(first, interrupted()))
    apply_reports(ledger, job_started(second))
    apply_reports(ledger, job_result(second, interrupted()))
    assert publish_due(ledger) == []
    job = get(ledger, "a-1")
    assert (job.state, job.attempt, job.interruptions) == (State.READY, 0, 1)
    assert apply_reports(ledger, job_result(first, done(), 2), job_result(second, done(), 2)) == 2


def test_a_redriven_job_is_published_again(ledger: Ledger) -> None:
    ledger.submit([new("a-1", max_attempts=1)])
    first = publish_one(ledger)
    apply_reports(ledger, job_result(first, failed()))
    assert get(ledger, "a-1").state == State.DEAD
    ledger.redrive("a-1")
    second = publish_one(ledger)
    assert second.base > first.base
    assert apply_reports(ledger, job_result(first, done(), 5)) == 0
    assert apply_reports(ledger, job_result(second, done())) == 1


# Reconciliation


def test_jobs_of_a_ledger_that_does_not_publish_are_enqueued(
    ledger: Ledger, ledger_url: str, clock: ManualClock
) -> None:
    with Ledger.open(ledger_url, clock=clock) as plain:
        plain.submit([new("a-1")])
    assert publish_due(ledger) == []
    clock.advance(1)
    assert _reconcile(ledger, 0) == Reconciled(enqueued=1)
    assert publish_one(ledger).job.id == "a-1"
    assert _reconcile(ledger, 0) == Reconciled()


def test_a_long_queue_is_not_published_twice(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-1"), new("a-2")])
    publish_due(ledger)
    clock.advance(500)
    assert _reconcile(ledger, 2) == Reconciled()


def test_a_job_missing_from_its_queue_is_published_again(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-1")])
    old = publish_one(ledger)
    assert _reconcile(ledger, 0) == Reconciled()  # too recent: the counts of a queue are delayed
    clock.advance(100)
    assert _reconcile(ledger, 0) == Reconciled(republished=1)
    new_one = publish_one(ledger)
    assert apply_reports(ledger, job_result(old, done())) == 0
    assert apply_reports(ledger, job_result(new_one, done())) == 1


def test_a_job_of_a_live_worker_is_never_published_again(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-1")])
    apply_reports(ledger, job_started(publish_one(ledger)))
    for _ in range(5):
        clock.advance(80)
        apply_reports(ledger, _heartbeat())
        ledger.expire_leases()
        assert _reconcile(ledger, 0) == Reconciled()


def _heartbeat() -> Heartbeat:
    return Heartbeat(worker="ada", host="h", pid=1, lease_s=90)


def test_a_job_whose_worker_and_message_are_lost_is_published_again(
    ledger: Ledger, clock: ManualClock
) -> None:
    ledger.submit([new("a-1")])
    apply_reports(ledger, job_started(publish_one(ledger)))
    clock.advance(101)
    assert list(ledger.expire_leases().jobs) == ["a-1"]
    assert publish_due(ledger) == []  # its message may become visible again
    assert _reconcile(ledger, 0) == Reconciled(republished=1)
    assert publish_one(ledger).job.interruptions == 1


def test_after_the_maximum_age_a_job_is_published_again_in_any_case(
    ledger: Ledger, clock: ManualClock
) -> None:
    ledger.submit([new("a-1")])
    publish_due(ledger)
    clock.advance(1000)
    assert _reconcile(ledger, 7) == Reconciled(republished=1)


def test_ended_jobs_are_removed_from_the_outbox(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2"), new("a-3")])
    apply_reports(ledger, job_result(publish_due(ledger)[0], done()))
    ledger.cancel(job="a-2")
    # Settled directly, without the outbox.
    finish(ledger, "a-3")
    assert _reconcile(ledger, 0) == Reconciled(removed=1)
    assert _reconcile(ledger, 0) == Reconciled()


def test_the_oldest_publications_count_as_lost_first_up_to_the_limit() -> None:
    unheld = [UnheldPublication(job_id=str(n), lane="cpu", sent=float(n)) for n in reversed(range(5))]
    few = ReconcileLimits(stale_s=10, give_up_s=1000, limit=2)
    assert lost_jobs(unheld, outstanding={"cpu": 5}, depths={"cpu": 2}, limits=few, now=500) == ["0", "1"]
    assert lost_jobs(unheld, outstanding={"cpu": 5}, depths={"cpu": 5}, limits=few, now=500) == []
    assert lost_jobs(unheld, outstanding={"cpu": 5}, depths={}, limits=few, now=500) == []
    assert lost_jobs(unheld, outstanding={"cpu": 5}, depths={"cpu": 9}, limits=few, now=1001) == ["0", "1"]


def test_a_queue_that_lacks_one_message_gets_one_job_again(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new(f"a-{number}") for number in range(9)])
    publish_due(ledger)
    clock.advance(500)
    assert _reconcile(ledger, 8) == Reconciled(republished=1)
    publish_due(ledger)
    assert _reconcile(ledger, 9) == Reconciled()
