"""Orphaned jobs: a queue lost the result, and the job's worker is alive but no longer holds the job."""

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
from tests.unit.graph.ledger_helpers import done, get, new

from eddyline.core.clock import ManualClock
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.outbox.orphan_detection import StartedJob
from eddyline.graph.ledger.outbox.reconcile import ReconcileLimits
from eddyline.graph.messages import Heartbeat
from eddyline.graph.states import State

BOUNDS = ReconcileLimits(stale_s=100)


@pytest.fixture
def ledger(ledger_url: str, clock: ManualClock) -> Iterator[Ledger]:
    with Ledger.open(ledger_url, clock=clock, publishes=True) as opened:
        yield opened


def long_running(ledger: Ledger, depth: int) -> list[StartedJob]:
    return ledger.publications.long_running({"cpu": depth}, lambda pool, _priority: pool, BOUNDS)


def heartbeat(worker: str = "ada") -> Heartbeat:
    return Heartbeat(worker=worker, host="here", pid=1, lease_s=900)


def test_long_running_jobs_are_listed_while_their_queue_has_too_few_messages(
    ledger: Ledger, clock: ManualClock
) -> None:
    ledger.submit([new("a-1"), new("a-2")])
    first, second = publish_due(ledger)
    apply_reports(ledger, heartbeat(), job_started(first))
    assert long_running(ledger, 0) == [], "it was just published"
    clock.advance(101)
    (found,) = long_running(ledger, 1)
    assert (found.job_id, found.worker, found.fence) == ("a-1", "ada", first.base + 1)
    assert long_running(ledger, 2) == [], "the queue has a message for every job"
    apply_reports(ledger, job_result(first, done()), job_result(second, done()))
    assert long_running(ledger, 0) == []


def test_an_orphaned_job_is_republished_and_its_old_result_no_longer_counts(
    ledger: Ledger, clock: ManualClock
) -> None:
    ledger.submit([new("a-1")])
    first = publish_one(ledger)
    apply_reports(ledger, heartbeat(), job_started(first))
    clock.advance(101)
    assert ledger.publications.republish_orphaned(long_running(ledger, 0)) == 1
    again = publish_one(ledger)
    assert apply_reports(ledger, job_result(first, done())) == 0
    assert apply_reports(ledger, job_result(again, done(), worker="bob")) == 1
    job = get(ledger, "a-1")
    assert (job.state, job.attempt, job.starts, job.interruptions) == (State.DONE, 1, 2, 1)


def test_a_job_that_ended_or_changed_workers_since_is_not_republished(
    ledger: Ledger, clock: ManualClock
) -> None:
    ledger.submit([new("a-1"), new("a-2")])
    first, second = publish_due(ledger)
    apply_reports(ledger, heartbeat(), job_started(first), job_started(second))
    clock.advance(101)
    found = long_running(ledger, 0)
    assert len(found) == 2
    apply_reports(ledger, job_result(first, done()), job_started(second, receipt=2, worker="bob"))
    assert ledger.publications.republish_orphaned(found) == 0
    assert publish_due(ledger) == []
