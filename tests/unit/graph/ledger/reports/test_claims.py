"""A worker that started an outdated job receives a command; one whose lease ended may resume its job."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.unit.graph.coordinator_helpers import (
    LEASE_S,
    apply_reports,
    job_result,
    job_started,
    publish_due,
    publish_one,
)
from tests.unit.graph.ledger_helpers import done, get, interrupted, new

from eddyline.core.clock import ManualClock
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.messages import Heartbeat, JobStarted
from eddyline.graph.states import State


@pytest.fixture
def ledger(ledger_url: str, clock: ManualClock) -> Iterator[Ledger]:
    with Ledger.open(ledger_url, clock=clock, publishes=True) as opened:
        yield opened


def _cancel_commands(ledger: Ledger, worker: str = "ada") -> list[tuple[str, int, bool]]:
    """The commands to cancel jobs: job, fence, and whether to delete the message."""
    return [(command.job_id, command.fence, command.over) for command in ledger.commands(worker)]


def test_a_job_cancelled_before_its_start_was_reported_gets_a_command(ledger: Ledger) -> None:
    ledger.submit([new("a-1")])
    first = publish_one(ledger)
    ledger.cancel(job="a-1")
    assert _cancel_commands(ledger) == []
    assert apply_reports(ledger, job_started(first)) == 0
    assert _cancel_commands(ledger) == [("a-1", first.base + 1, True)]


def test_the_message_of_an_ended_or_unknown_job_is_deleted_with_its_claim(ledger: Ledger) -> None:
    ledger.submit([new("a-1")])
    first = publish_one(ledger)
    apply_reports(ledger, job_result(first, done()))
    apply_reports(ledger, job_started(first, receipt=2, worker="bob"))
    apply_reports(ledger, JobStarted(job_id="z-9", fence=first.base + 1, worker="eve", at=1.0))
    assert _cancel_commands(ledger, "bob") == [("a-1", first.base + 2, True)]
    assert _cancel_commands(ledger, "eve") == [("z-9", first.base + 1, True)]


def test_a_claim_of_an_earlier_publication_is_cancelled_with_its_message(ledger: Ledger) -> None:
    ledger.submit([new("a-1")])
    first = publish_one(ledger)
    ledger.publications.republish("a-1")
    second = publish_one(ledger)
    apply_reports(ledger, job_started(second, worker="bob"))
    apply_reports(ledger, job_started(first))
    assert _cancel_commands(ledger) == [("a-1", first.base + 1, True)]
    assert get(ledger, "a-1").lease_owner == "bob"


def test_a_claim_of_an_earlier_receipt_is_cancelled_without_its_message(
    ledger: Ledger,
) -> None:
    ledger.submit([new("a-1")])
    first = publish_one(ledger)
    apply_reports(ledger, job_started(first, receipt=2, worker="bob"))
    apply_reports(ledger, job_started(first, receipt=1))
    assert _cancel_commands(ledger) == [("a-1", first.base + 1, False)]
    assert _cancel_commands(ledger, "bob") == []


def test_a_start_reported_after_its_result_sends_no_command(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("b-1")])
    first, second = publish_due(ledger)
    apply_reports(ledger, job_result(first, done()), job_result(second, interrupted()))
    apply_reports(ledger, job_started(first), job_started(second))
    assert _cancel_commands(ledger) == []


def test_the_start_of_a_poison_job_gets_a_command(ledger: Ledger) -> None:
    ledger.submit([new("a-1")])
    first = publish_one(ledger)
    for receipt in range(1, 7):
        apply_reports(ledger, job_started(first, receipt=receipt, worker=f"w{receipt}"))
    assert get(ledger, "a-1").state is State.DEAD
    assert _cancel_commands(ledger, "w6") == [("a-1", first.base + 6, True)]


def test_a_worker_whose_lease_ran_out_resumes_its_job_when_it_reports(
    ledger: Ledger, clock: ManualClock
) -> None:
    ledger.submit([new("a-1"), new("b-1")])
    first, second = publish_due(ledger)
    apply_reports(ledger, job_started(first), job_started(second))
    clock.advance(LEASE_S + 1)
    assert list(ledger.expire_leases().jobs) == ["a-1", "b-1"]
    assert apply_reports(ledger, job_started(first), job_result(second, done(by="ada"))) == 2
    running, ended = get(ledger, "a-1"), get(ledger, "b-1")
    assert (running.state, running.lease_owner, running.attempt) == (State.RUNNING, "ada", 1)
    assert (ended.state, ended.result) == (State.DONE, {"by": "ada"})
    assert [(job.starts, job.interruptions) for job in (running, ended)] == [(1, 0), (1, 0)]
    assert publish_due(ledger) == []


def test_a_worker_whose_job_was_claimed_by_another_reports_too_late(
    ledger: Ledger, clock: ManualClock
) -> None:
    ledger.submit([new("a-1")])
    first = publish_one(ledger)
    apply_reports(ledger, job_started(first))
    clock.advance(LEASE_S + 1)
    assert list(ledger.expire_leases().jobs) == ["a-1"]
    apply_reports(ledger, job_started(first, receipt=2, worker="bob"))
    assert apply_reports(ledger, job_result(first, done(by="ada"))) == 0
    assert apply_reports(ledger, job_result(first, done(by="bob"), receipt=2, worker="bob")) == 1
    assert get(ledger, "a-1").result == {"by": "bob"}


def test_a_heartbeat_alone_sends_no_command(ledger: Ledger) -> None:
    apply_reports(ledger, Heartbeat(worker="ada", host="here", pid=1, lease_s=LEASE_S))
    assert ledger.take_commands(limit=10, hold_s=1) == []
