"""Reports that are late, repeated, out of order or outdated: each counts at most once."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from tests.unit.graph.coordinator_helpers import (
    apply_reports,
    job_result,
    job_started,
    publish_due,
    publish_one,
)
from tests.unit.graph.ledger_helpers import done, failed, get, interrupted, new

from eddyline.core.clock import ManualClock
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.messages import Heartbeat, WorkerReport
from eddyline.graph.states import State


@pytest.fixture
def ledger(ledger_url: str, clock: ManualClock) -> Iterator[Ledger]:
    with Ledger.open(ledger_url, clock=clock, poison_after=3, publishes=True) as opened:
        opened.submit([new("a-1"), new("a-2", "a-1")])
        yield opened


def test_a_result_counts_even_if_its_start_was_never_reported(ledger: Ledger) -> None:
    assert apply_reports(ledger, job_result(publish_one(ledger), done(frames=48))) == 1
    job = get(ledger, "a-1")
    assert (job.state, job.result, job.starts, job.attempt) == (State.DONE, {"frames": 48}, 1, 1)


def test_a_start_records_the_worker_that_runs_the_job(ledger: Ledger) -> None:
    assert apply_reports(ledger, job_started(publish_one(ledger))) == 1
    job = get(ledger, "a-1")
    assert (job.state, job.lease_owner) == (State.RUNNING, "ada")


def test_a_late_result_of_an_outdated_claim_is_ignored(ledger: Ledger) -> None:
    publication = publish_one(ledger)
    apply_reports(ledger, job_started(publication), job_started(publication, 2, "bob"))
    assert apply_reports(ledger, job_result(publication, done(by="ada"))) == 0
    assert get(ledger, "a-1").lease_owner == "bob"
    assert apply_reports(ledger, job_result(publication, done(by="bob"), 2, "bob")) == 1
    job = get(ledger, "a-1")
    assert job.result == {"by": "bob"}
    assert (job.interruptions, job.starts, job.attempt) == (1, 2, 1)


def test_only_the_first_of_two_workers_with_copies_of_a_message_counts(ledger: Ledger) -> None:
    publication = publish_one(ledger)
    assert (
        apply_reports(ledger, job_started(publication), job_result(publication, done(by="bob"), worker="bob"))
        == 1
    )
    assert (
        apply_reports(ledger, job_result(publication, done(by="ada")))
        + apply_reports(ledger, job_result(publication, done(), worker="eve"))
        == 1
    )
    assert get(ledger, "a-1").result == {"by": "ada"}


def test_a_repeated_result_counts_once(ledger: Ledger) -> None:
    result = job_result(publish_one(ledger), done(new("a-9")))
    assert [apply_reports(ledger, result, result), apply_reports(ledger, result)] == [1, 0]
    assert get(ledger, "a-2").state == State.READY
    assert sorted(each.job.id for each in publish_due(ledger)) == ["a-2", "a-9"]


def test_a_start_reported_after_its_result_changes_nothing(ledger: Ledger) -> None:
    publication = publish_one(ledger)
    apply_reports(ledger, job_result(publication, done()))
    before = get(ledger, "a-1")
    assert apply_reports(ledger, job_started(publication), job_started(publication, 2, "bob")) == 0
    assert get(ledger, "a-1") == before


def test_a_hand_back_reported_after_the_next_start_is_not_a_loss(ledger: Ledger) -> None:
    publication = publish_one(ledger)
    for receipt in range(1, 9):  # far more often than a job may lose its worker
        apply_reports(ledger, job_started(publication, receipt + 1, "bob"))
        apply_reports(ledger, job_result(publication, interrupted(), receipt))
    assert get(ledger, "a-1").state == State.RUNNING
    assert get(ledger, "a-1").losses == 0
    assert apply_reports(ledger, job_result(publication, done(), 9, "bob")) == 1


def test_hand_backs_spend_no_attempt_and_never_quarantine_a_job(ledger: Ledger) -> None:
    publication = publish_one(ledger)
    for receipt in range(1, 30):
        apply_reports(
            ledger, job_started(publication, receipt), job_result(publication, interrupted(), receipt)
        )
    job = get(ledger, "a-1")
    assert (job.state, job.attempt, job.interruptions, job.losses) == (State.READY, 0, 29, 0)


def test_a_job_that_keeps_losing_its_workers_is_quarantined(ledger: Ledger) -> None:
    publication = publish_one(ledger)
    for receipt in range(1, 5):
        apply_reports(ledger, job_started(publication, receipt, f"worker {receipt}"))
    job = get(ledger, "a-1")
    assert job.state == State.DEAD
    assert job.error is not None
    assert job.error["error"] == "KillsItsWorker"
    assert get(ledger, "a-2").state == State.CANCELLED
    assert apply_reports(ledger, job_result(publication, done(), 4, "worker 4")) == 0


def test_a_result_of_a_cancelled_job_is_ignored(ledger: Ledger) -> None:
    publication = publish_one(ledger)
    apply_reports(ledger, job_started(publication))
    ledger.cancel(job="a-1")
    assert apply_reports(ledger, job_result(publication, done())) == 0


def test_results_of_unknown_jobs_and_publications_are_ignored(ledger: Ledger) -> None:
    publication = publish_one(ledger)
    other = job_result(publication, done())
    assert (
        apply_reports(ledger, *(type(other)(**{**vars(other), "job_id": name}) for name in ("", "zz", "a-2")))
        == 0
    )
    assert apply_reports(ledger, type(other)(**{**vars(other), "fence": 3})) == 0
    assert get(ledger, "a-1").state == State.READY


def test_a_worker_that_reports_is_registered_until_its_lease_runs_out(
    ledger: Ledger, clock: ManualClock
) -> None:
    apply_reports(
        ledger, Heartbeat(worker="ada", host="hut", pid=7, lease_s=90), job_started(publish_one(ledger))
    )
    (worker,) = ledger.workers()
    assert (worker.name, worker.host, worker.pid, worker.deadline) == ("ada", "hut", 7, clock.now() + 90)
    clock.advance(91)
    assert list(ledger.expire_leases().jobs) == ["a-1"]
    assert ledger.workers() == []


@pytest.mark.parametrize("seed", range(8))
def test_reports_may_arrive_in_any_order_and_repeatedly(ledger: Ledger, seed: int) -> None:
    rng = random.Random(seed)
    ledger.submit([new(f"b-{n}") for n in range(10)])
    reports: list[WorkerReport] = []
    taken = {each.job.id: each for each in publish_due(ledger)}
    for each in taken.values():
        last = rng.randint(1, 3)
        for receipt in range(1, last):
            reports += [
                job_started(each, receipt, f"w{receipt}"),
                job_result(each, interrupted(), receipt, f"w{receipt}"),
            ]
        reports += [job_started(each, last, "last"), job_result(each, done(), last, "last")]
    reports += rng.choices(reports, k=len(reports))
    rng.shuffle(reports)
    while reports:
        size = rng.randint(1, 7)
        apply_reports(ledger, *reports[:size])
        reports = reports[size:]
    assert {get(ledger, name).state for name in taken} == {State.DONE}
    assert get(ledger, "a-2").state == State.READY
    assert get(ledger, "a-2").unmet == 0


def test_a_failure_without_retry_is_final(ledger: Ledger) -> None:
    assert apply_reports(ledger, job_result(publish_one(ledger), failed(retry=False))) == 1
    assert get(ledger, "a-1").state == State.DEAD
    assert publish_due(ledger) == []
