"""Who began in vain is told so, and who was given up for silent too early keeps what it holds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.unit.graph.coordinator_helpers import LEASE_S, answer, offer, offers, say, start
from tests.unit.graph.ledger_helpers import done, get, interrupted, new

from eddyline.core.clock import ManualClock
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.messages import Heartbeat, JobStarted
from eddyline.graph.states import State


@pytest.fixture
def ledger(ledger_url: str, clock: ManualClock) -> Iterator[Ledger]:
    with Ledger.open(ledger_url, clock=clock, publishes=True) as opened:
        yield opened


def _told(ledger: Ledger, worker: str = "ada") -> list[tuple[str, int, bool]]:
    """What a worker is to give up: the job, the fence, and whether its message may go."""
    return [(order.job_id, order.fence, order.over) for order in ledger.commands(worker)]


def test_a_job_cancelled_before_its_start_was_reported_gets_a_command(ledger: Ledger) -> None:
    ledger.submit([new("a-1")])
    first = offer(ledger)
    ledger.cancel(job="a-1")
    assert _told(ledger) == []
    assert say(ledger, start(first)) == 0
    assert _told(ledger) == [("a-1", first.base + 1, True)]


def test_the_message_of_an_ended_or_unknown_job_is_deleted_with_its_claim(ledger: Ledger) -> None:
    ledger.submit([new("a-1")])
    first = offer(ledger)
    say(ledger, answer(first, done()))
    say(ledger, start(first, receipt=2, worker="bob"))
    say(ledger, JobStarted(job_id="z-9", fence=first.base + 1, worker="eve", at=1.0))
    assert _told(ledger, "bob") == [("a-1", first.base + 2, True)]
    assert _told(ledger, "eve") == [("z-9", first.base + 1, True)]


def test_a_claim_of_an_earlier_publication_is_cancelled_with_its_message(ledger: Ledger) -> None:
    ledger.submit([new("a-1")])
    first = offer(ledger)
    ledger.publications.republish("a-1")
    second = offer(ledger)
    say(ledger, start(second, worker="bob"))
    say(ledger, start(first))
    assert _told(ledger) == [("a-1", first.base + 1, True)]
    assert get(ledger, "a-1").lease_owner == "bob"


def test_a_claim_of_an_earlier_receipt_is_cancelled_without_its_message(
    ledger: Ledger,
) -> None:
    ledger.submit([new("a-1")])
    first = offer(ledger)
    say(ledger, start(first, receipt=2, worker="bob"))
    say(ledger, start(first, receipt=1))
    assert _told(ledger) == [("a-1", first.base + 1, False)]
    assert _told(ledger, "bob") == []


def test_a_start_reported_after_its_result_sends_no_command(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("b-1")])
    first, second = offers(ledger)
    say(ledger, answer(first, done()), answer(second, interrupted()))
    say(ledger, start(first), start(second))
    assert _told(ledger) == []


def test_the_start_of_a_poison_job_gets_a_command(ledger: Ledger) -> None:
    ledger.submit([new("a-1")])
    first = offer(ledger)
    for receipt in range(1, 7):
        say(ledger, start(first, receipt=receipt, worker=f"w{receipt}"))
    assert get(ledger, "a-1").state is State.DEAD
    assert _told(ledger, "w6") == [("a-1", first.base + 6, True)]


def test_a_worker_whose_lease_ran_out_resumes_its_job_when_it_reports(
    ledger: Ledger, clock: ManualClock
) -> None:
    ledger.submit([new("a-1"), new("b-1")])
    first, second = offers(ledger)
    say(ledger, start(first), start(second))
    clock.advance(LEASE_S + 1)
    assert list(ledger.expire_leases().jobs) == ["a-1", "b-1"]
    assert say(ledger, start(first), answer(second, done(by="ada"))) == 2
    running, ended = get(ledger, "a-1"), get(ledger, "b-1")
    assert (running.state, running.lease_owner, running.attempt) == (State.RUNNING, "ada", 1)
    assert (ended.state, ended.result) == (State.DONE, {"by": "ada"})
    assert [(job.starts, job.interruptions) for job in (running, ended)] == [(1, 0), (1, 0)]
    assert offers(ledger) == []


def test_a_worker_whose_job_was_claimed_by_another_reports_too_late(
    ledger: Ledger, clock: ManualClock
) -> None:
    ledger.submit([new("a-1")])
    first = offer(ledger)
    say(ledger, start(first))
    clock.advance(LEASE_S + 1)
    assert list(ledger.expire_leases().jobs) == ["a-1"]
    say(ledger, start(first, receipt=2, worker="bob"))
    assert say(ledger, answer(first, done(by="ada"))) == 0
    assert say(ledger, answer(first, done(by="bob"), receipt=2, worker="bob")) == 1
    assert get(ledger, "a-1").result == {"by": "bob"}


def test_a_heartbeat_alone_sends_no_command(ledger: Ledger) -> None:
    say(ledger, Heartbeat(worker="ada", host="here", pid=1, lease_s=LEASE_S))
    assert ledger.take_commands(limit=10, hold_s=1) == []
