"""Each ended start of a job has one row, written in the transaction that records its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.unit.graph.coordinator_helpers import (
    LEASE_S,
    apply_reports,
    job_result,
    job_started,
    publish_one,
)
from tests.unit.graph.ledger_helpers import (
    claim_jobs,
    done,
    failed,
    finish,
    get,
    interrupted,
    new,
    settle,
)

from eddyline.core.clock import ManualClock
from eddyline.graph.job import Outcome, Settlement
from eddyline.graph.ledger.ended_starts import StartOutcome
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.starts import Start
from eddyline.graph.machine import Machine

INSTANCE = "i-0123456789abcdef0"


@pytest.fixture
def publishing_ledger(ledger_url: str, clock: ManualClock) -> Iterator[Ledger]:
    with Ledger.open(ledger_url, clock=clock, poison_after=3, publishes=True) as opened:
        yield opened


def _outcomes(ledger: Ledger, job: str = "a-1") -> list[tuple[int, str]]:
    return [(start.fence, str(start.outcome)) for start in ledger.starts.of_job(job)]


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [(done(), "done"), (failed(), "failed"), (failed(retry=False), "failed"), (interrupted(), "interrupted")],
)
def test_a_result_adds_a_row_with_worker_instance_times_and_usage(
    ledger: Ledger, clock: ManualClock, outcome: Outcome, expected: str
) -> None:
    ledger.register("ada", "here", 1, machine=Machine(instance=INSTANCE))
    ledger.submit([new("a-1")])
    (claim,) = claim_jobs(ledger)
    began = clock.now()
    clock.advance(7.5)
    assert _outcomes(ledger) == []
    assert ledger.settle(
        [Settlement(job_id="a-1", fence=claim.fence, outcome=outcome, cpu_s=12.25, fraction=0.5)]
    ) == [True]
    assert ledger.starts.of_job("a-1") == [
        Start(
            job_id="a-1",
            fence=claim.fence,
            pool="cpu",
            kind="work",
            worker="ada",
            instance=INSTANCE,
            started=began,
            ended=began + 7.5,
            outcome=StartOutcome(expected),
            cpu_s=12.25,
            fraction=0.5,
        )
    ]
    # A result that is repeated, or late, adds and changes nothing.
    assert not settle(ledger, claim, done())
    assert _outcomes(ledger) == [(claim.fence, expected)]


def test_each_start_of_a_job_has_its_own_row(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-1")])
    for outcome in (interrupted(), failed(), done()):
        clock.advance(3600)
        (claim,) = claim_jobs(ledger)
        assert settle(ledger, claim, outcome)
    assert _outcomes(ledger) == [(1, "interrupted"), (2, "failed"), (3, "done")]
    assert get(ledger, "a-1").starts == 3


def test_a_start_whose_worker_is_lost_is_recorded_with_its_instance(
    ledger: Ledger, clock: ManualClock
) -> None:
    ledger.register("ada", "here", 1, machine=Machine(instance=INSTANCE))
    ledger.submit([new("a-1"), new("b-1")])
    for fence in range(1, 6):
        claim_jobs(ledger, 2)
        clock.advance(31)
        assert len(ledger.expire_leases().jobs) == 2
        assert _outcomes(ledger)[-1] == (fence, "lost")
    assert get(ledger, "a-1").state == "dead"  # the last loss is recorded too
    assert [start.instance for start in ledger.starts.of_job("a-1")] == [INSTANCE, "", "", "", ""]
    assert len(ledger.starts.of_job("b-1")) == 5


def test_a_released_worker_loses_its_starts(ledger: Ledger) -> None:
    ledger.submit([new("a-1")])
    claim_jobs(ledger)
    ledger.release_worker("ada")
    assert _outcomes(ledger) == [(1, "lost")]


def test_the_start_of_a_cancelled_job_is_interrupted(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2")])
    (claim,) = claim_jobs(ledger)
    ledger.cancel(asset="a")
    assert _outcomes(ledger, claim.job.id) == [(claim.fence, "interrupted")]
    assert _outcomes(ledger, "a-2") == []
    assert not settle(ledger, claim, done())


def test_a_job_that_spawns_more_than_the_graph_allows_has_failed(ledger: Ledger) -> None:
    ledger.submit([new("a-1")])
    (claim,) = claim_jobs(ledger)
    assert settle(ledger, claim, done(new("a-2", "unknown")))
    assert _outcomes(ledger) == [(1, "failed")]


def test_rows_outlive_the_archived_jobs(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-1")])
    finish(ledger, "a-1")
    clock.advance(100)
    assert ledger.archive(older_than_s=10) == 1
    assert _outcomes(ledger) == [(1, "done")]


# Reports of workers without access to the ledger


def test_a_result_whose_start_was_not_reported_adds_one_row(publishing_ledger: Ledger) -> None:
    publishing_ledger.submit([new("a-1")])
    publication = publish_one(publishing_ledger)
    result = replace(job_result(publication, done(), receipt=2), cpu_s=3.5, fraction=1.0)
    assert apply_reports(publishing_ledger, result, result) == 1
    assert apply_reports(publishing_ledger, result, job_started(publication, 2)) == 0
    assert _outcomes(publishing_ledger) == [(publication.base + 2, "done")]
    assert [(each.cpu_s, each.fraction) for each in publishing_ledger.starts.of_job("a-1")] == [(3.5, 1.0)]


def test_an_unreported_start_has_no_row(publishing_ledger: Ledger) -> None:
    publishing_ledger.submit([new("a-1")])
    publish_one(publishing_ledger)
    assert publishing_ledger.publications.republish("a-1")
    assert _outcomes(publishing_ledger) == []


def test_a_start_is_lost_when_the_queue_delivers_its_message_again(publishing_ledger: Ledger) -> None:
    publishing_ledger.submit([new("a-1")])
    publication = publish_one(publishing_ledger)
    apply_reports(publishing_ledger, job_started(publication))
    apply_reports(publishing_ledger, job_started(publication, 3, "bob"))
    assert _outcomes(publishing_ledger) == [(publication.base + 1, "lost")]
    # The late result of the first worker does not count, and changes no row.
    apply_reports(publishing_ledger, job_result(publication, done()))
    apply_reports(publishing_ledger, job_result(publication, interrupted(), 3, "bob"))
    assert _outcomes(publishing_ledger) == [
        (publication.base + 1, "lost"),
        (publication.base + 3, "interrupted"),
    ]
    assert [start.worker for start in publishing_ledger.starts.of_job("a-1")] == ["ada", "bob"]


def test_a_start_is_lost_when_its_job_is_published_again(publishing_ledger: Ledger) -> None:
    publishing_ledger.submit([new("a-1")])
    publication = publish_one(publishing_ledger)
    apply_reports(publishing_ledger, job_started(publication))
    publishing_ledger.publications.republish("a-1")
    apply_reports(publishing_ledger, job_result(publication, done()))
    assert _outcomes(publishing_ledger) == [(publication.base + 1, "lost")]


def test_a_worker_that_seemed_lost_and_reports_again_has_one_row(
    publishing_ledger: Ledger, clock: ManualClock
) -> None:
    publishing_ledger.submit([new("a-1")])
    publication = publish_one(publishing_ledger)
    apply_reports(publishing_ledger, job_started(publication))
    clock.advance(LEASE_S + 1)
    publishing_ledger.expire_leases()
    assert _outcomes(publishing_ledger) == [(publication.base + 1, "lost")]
    apply_reports(publishing_ledger, job_result(publication, done()))
    assert _outcomes(publishing_ledger) == [(publication.base + 1, "done")]
    assert get(publishing_ledger, "a-1").starts == 1


def test_a_cancelled_job_of_a_publication_keeps_the_fence_of_its_start(publishing_ledger: Ledger) -> None:
    publishing_ledger.submit([new("a-1")])
    publication = publish_one(publishing_ledger)
    apply_reports(publishing_ledger, job_started(publication))
    publishing_ledger.cancel(job="a-1")
    assert _outcomes(publishing_ledger) == [(publication.base + 1, "interrupted")]
