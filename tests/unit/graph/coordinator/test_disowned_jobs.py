"""An answer that a queue lost with everything else: its worker lives, and holds the job no more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.unit.graph.coordinator_helpers import answer, offer, offers, say, start
from tests.unit.graph.ledger_helpers import done, get, new

from eddyline.core.clock import ManualClock
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.orphan_detection import StartedJob
from eddyline.graph.ledger.reconcile import ReconcileLimits
from eddyline.graph.messages import Heartbeat
from eddyline.graph.states import State

BOUNDS = ReconcileLimits(stale_s=100)


@pytest.fixture
def ledger(ledger_url: str, clock: ManualClock) -> Iterator[Ledger]:
    with Ledger.open(ledger_url, clock=clock, publishes=True) as opened:
        yield opened


def running(ledger: Ledger, depth: int) -> list[StartedJob]:
    return ledger.publications.long_running({"cpu": depth}, lambda pool, _priority: pool, BOUNDS)


def alive(worker: str = "ada") -> Heartbeat:
    return Heartbeat(worker=worker, host="here", pid=1, lease_s=900)


def test_what_runs_long_while_its_queue_lacks_a_message_is_looked_at(
    ledger: Ledger, clock: ManualClock
) -> None:
    ledger.submit([new("a-1"), new("a-2")])
    first, second = offers(ledger)
    say(ledger, alive(), start(first))
    assert running(ledger, 0) == [], "it was published just now"
    clock.advance(101)
    (found,) = running(ledger, 1)
    assert (found.job_id, found.worker, found.fence) == ("a-1", "ada", first.base + 1)
    assert running(ledger, 2) == [], "the queue has a message for everything"
    say(ledger, answer(first, done()), answer(second, done()))
    assert running(ledger, 0) == []


def test_a_disowned_job_is_published_anew_and_its_old_answer_no_longer_counts(
    ledger: Ledger, clock: ManualClock
) -> None:
    ledger.submit([new("a-1")])
    first = offer(ledger)
    say(ledger, alive(), start(first))
    clock.advance(101)
    assert ledger.publications.republish_orphaned(running(ledger, 0)) == 1
    again = offer(ledger)
    assert say(ledger, answer(first, done())) == 0
    assert say(ledger, answer(again, done(), worker="bob")) == 1
    job = get(ledger, "a-1")
    assert (job.state, job.attempt, job.starts, job.interruptions) == (State.DONE, 1, 2, 1)


def test_a_job_that_was_answered_or_taken_over_meanwhile_is_left_alone(
    ledger: Ledger, clock: ManualClock
) -> None:
    ledger.submit([new("a-1"), new("a-2")])
    first, second = offers(ledger)
    say(ledger, alive(), start(first), start(second))
    clock.advance(101)
    found = running(ledger, 0)
    assert len(found) == 2
    say(ledger, answer(first, done()), start(second, receipt=2, worker="bob"))
    assert ledger.publications.republish_orphaned(found) == 0
    assert offers(ledger) == []
