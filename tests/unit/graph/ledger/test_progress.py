"""The progress of running jobs counts only with the fence of the current claim, and never decreases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.graph.coordinator_helpers import LEASE_S, apply_reports, job_started, publish_one
from tests.unit.graph.ledger_helpers import claim_jobs, done, interrupted, new, settle

from eddyline.core.clock import ManualClock
from eddyline.graph.coordinator.field_rules import MAX_HELD
from eddyline.graph.coordinator.wire import report_from_json, report_to_json
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.messages import Heartbeat, JobProgress


def test_progress_counts_only_with_the_fence_of_the_running_claim(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2")])
    one, two = claim_jobs(ledger, 2)
    ledger.progress.record({"a-1": (one.fence, 0.5), "a-2": (two.fence + 1, 0.9), "absent": (1, 0.9)})
    assert ledger.progress.fractions("a") == {"a-1": 0.5}
    settle(ledger, one, interrupted())
    assert ledger.progress.fractions("a") == {}
    (again,) = claim_jobs(ledger, 1)
    assert again.job.id == "a-1"
    ledger.progress.record({"a-1": (one.fence, 0.6)})
    assert ledger.progress.fractions("a") == {}, "a report of the claim that was handed back counted"
    ledger.progress.record({"a-1": (again.fence, 0.1)})
    assert ledger.progress.fractions("a") == {"a-1": 0.1}


def test_within_a_claim_progress_never_decreases(ledger: Ledger) -> None:
    ledger.submit([new("a-1")])
    (claim,) = claim_jobs(ledger)
    ledger.progress.record({"a-1": (claim.fence, 0.7)})
    ledger.progress.record({"a-1": (claim.fence, 0.4)})
    assert ledger.progress.fractions("a") == {"a-1": 0.7}


def test_rows_of_ended_jobs_are_pruned_after_a_minute(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-1"), new("a-2")])
    one, two = claim_jobs(ledger, 2)
    ledger.progress.record({"a-1": (one.fence, 0.5), "a-2": (two.fence, 0.5)})
    settle(ledger, one, done())
    clock.advance(61)
    assert ledger.progress.prune() == 1
    assert ledger.progress.fractions("a") == {"a-2": 0.5}


def test_recording_prunes_by_itself(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-1"), new("a-2")])
    one, two = claim_jobs(ledger, 2)
    ledger.progress.record({"a-1": (one.fence, 0.5)})
    settle(ledger, one, done())
    clock.advance(61)
    ledger.progress.record({"a-2": (two.fence, 0.5)})
    assert ledger.progress.prune() == 0


def test_a_worker_on_queues_reports_progress_of_the_jobs_that_it_holds(
    open_ledger: Callable[..., Ledger],
) -> None:
    ledger = open_ledger(publishes=True)
    ledger.submit([new("a-1")])
    started = job_started(publish_one(ledger))
    apply_reports(ledger, started)

    def beat(fraction: float, *, worker: str = "ada", fence: int = started.fence, key: str = "") -> None:
        progress = (JobProgress(job_id="a-1", fence=fence, fraction=fraction),)
        report = Heartbeat(worker=worker, host="h", pid=1, lease_s=LEASE_S, key=key, progress=progress)
        apply_reports(ledger, report)

    beat(0.9, worker="eve")
    beat(0.9, key="0123456789abcdef" * 2)
    beat(0.9, fence=started.fence + 1)
    assert ledger.progress.fractions("a") == {}
    beat(0.25)
    assert ledger.progress.fractions("a") == {"a-1": 0.25}


HEARTBEAT = Heartbeat(worker="w", host="h", pid=7, lease_s=90.0)


@pytest.mark.parametrize(
    "entry",
    [
        ["a-1", 3, 1.5],
        ["a-1", 3, -0.1],
        ["a-1", 3, float("nan")],
        ["a-1", 3, "0.5"],
        ["a-1", -1, 0.5],
        ["a-1", 1 << 80, 0.5],
        ["../a", 3, 0.5],
        ["a-1", 3],
        {"job": "a-1"},
        None,
    ],
)
def test_an_invalid_entry_costs_neither_the_others_nor_the_heartbeat(entry: Any) -> None:
    body = report_to_json(HEARTBEAT) | {"progress": [entry, ["a-2", 4, 0.5]]}
    found = report_from_json(body)
    assert isinstance(found, Heartbeat)
    assert found.progress == (JobProgress(job_id="a-2", fence=4, fraction=0.5),)


@pytest.mark.parametrize("value", [None, "x", {"a-1": 1}, [["a-1", 3, 0.5]] * (MAX_HELD + 1)])
def test_progress_of_another_shape_is_ignored(value: Any) -> None:
    assert report_from_json(report_to_json(HEARTBEAT) | {"progress": value}) == HEARTBEAT


def test_heartbeats_of_programs_without_progress_are_read() -> None:
    body = report_to_json(HEARTBEAT)
    del body["progress"]
    assert report_from_json(body) == HEARTBEAT


def test_the_cpu_time_that_a_lost_worker_reported_is_that_of_its_start(ledger: Ledger) -> None:
    ledger.submit([new("a-1"), new("a-2"), new("a-3")])
    one, two, three = claim_jobs(ledger, 3)
    ledger.progress.record_cpu({"a-1": (one.fence, 1.5), "a-2": (two.fence + 1, 9.0), "absent": (1, 9.0)})
    ledger.progress.record_cpu({"a-1": (one.fence, 2.5)})
    ledger.progress.record({"a-1": (one.fence, 0.5)})
    ledger.progress.record({"a-3": (three.fence, 0.5)})
    assert ledger.progress.fractions("a") == {"a-1": 0.5, "a-3": 0.5}
    ledger.release_worker("ada")
    spent = {job: ledger.starts.of_job(job)[0].cpu_s for job in ("a-1", "a-2", "a-3")}
    assert spent == {"a-1": 2.5, "a-2": None, "a-3": None}
    (again, *_) = claim_jobs(ledger, 3)
    ledger.progress.record({"a-1": (again.fence, 0.1)})
    ledger.release_worker("ada")
    assert [each.cpu_s for each in ledger.starts.of_job("a-1")] == [2.5, None], "of another claim"
