"""The start history is summed by pool, outcome and lifecycle, and old rows are deleted."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert
from tests.unit.graph.ledger_helpers import claim_jobs, done, interrupted, new, query_plan, settle

from eddyline.core.clock import ManualClock
from eddyline.core.stop import Stop
from eddyline.graph.db.schema import instances
from eddyline.graph.job import Settlement
from eddyline.graph.ledger.ended_starts import StartOutcome
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.starts import KEEP_S, StartTotals
from eddyline.graph.machine import Machine

SPOT, ON_DEMAND = "i-0123456789abcdef0", "i-0fedcba9876543210"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_800_000_000.0)


@pytest.fixture
def ledger(ledger_url: str, clock: ManualClock) -> Iterator[Ledger]:
    with Ledger.open(ledger_url, clock=clock, rng=random.Random(1)) as opened:
        yield opened


def _add_instance(ledger: Ledger, instance: str, lifecycle: str) -> None:
    row: dict[str, Any] = {
        "instance": instance,
        "pool": "cpu",
        "auto_scaling_group": "eddyline-cpu-spot",
        "instance_type": "c5.4xlarge",
        "zone": "eu-central-1a",
        "lifecycle": lifecycle,
        "account": "",
        "region": "",
        "ended_by": "",
    }
    ledger._database.write(lambda c: c.execute(insert(instances), row))


def _run(ledger: Ledger, clock: ManualClock, job: str, worker: str, cpu_s: float | None) -> None:
    ledger.submit([new(job)])
    (claim,) = claim_jobs(ledger, worker=worker)
    clock.advance(10)
    assert ledger.settle([Settlement(job_id=job, fence=claim.fence, outcome=done(), cpu_s=cpu_s)]) == [True]


def test_starts_are_summed_by_pool_outcome_and_lifecycle(ledger: Ledger, clock: ManualClock) -> None:
    _add_instance(ledger, SPOT, "spot")
    _add_instance(ledger, ON_DEMAND, "on-demand")
    for worker, instance in (("ada", SPOT), ("bob", ON_DEMAND), ("cyd", ""), ("dan", "i-0abcdef0123456789")):
        ledger.register(worker, "here", 1, lease_s=1000, machine=Machine(instance=instance))
    since = clock.now()
    for number, (worker, cpu_s) in enumerate(
        [("ada", 1.5), ("ada", 2.0), ("ada", None), ("bob", 4.0), ("cyd", 0.5), ("dan", None)]
    ):
        _run(ledger, clock, f"a-{number}", worker, cpu_s)
    ledger.submit([new("b-1")])
    (claim,) = claim_jobs(ledger, worker="ada")
    settle(ledger, claim, interrupted())
    until = clock.now() + 1
    assert ledger.starts.totals(since, until) == [
        _totals("done", "", 2, 20.0, 0.5, 1),
        _totals("done", "on-demand", 1, 10.0, 4.0, 0),
        _totals("done", "spot", 3, 30.0, 3.5, 1),
        _totals("interrupted", "spot", 1, 0.0, 0.0, 1),
    ]
    # The range is half-open.
    assert ledger.starts.totals(since, since + 10) == []
    assert sum(each.starts for each in ledger.starts.totals(since + 10, since + 30)) == 2


def _totals(
    outcome: str, lifecycle: str, starts: int, wall_s: float, cpu_s: float, unmeasured: int
) -> StartTotals:
    return StartTotals(
        pool="cpu",
        outcome=StartOutcome(outcome),
        lifecycle=lifecycle,
        starts=starts,
        wall_s=wall_s,
        cpu_s=cpu_s,
        unmeasured=unmeasured,
    )


def test_old_rows_are_deleted_in_small_transactions(ledger: Ledger, clock: ManualClock) -> None:
    ledger.register("ada", "here", 1, lease_s=1e9)
    for number in range(7):
        _run(ledger, clock, f"a-{number}", "ada", None)
    clock.advance(KEEP_S - 20.5)  # the newest two are 0.5 and 10.5 s younger
    assert ledger.starts.prune(at_once=2) == 4
    assert ledger.starts.prune(at_once=2) == 0
    assert [job for job in map(str, range(7)) if ledger.starts.of_job(f"a-{job}")] == ["4", "5", "6"]
    clock.advance(100)
    stopped = Stop()
    stopped.request("enough")
    assert ledger.starts.prune(stop=stopped) == 0
    assert ledger.starts.prune() == 3
    assert ledger.starts.totals(0.0, 1e11) == []


def test_totals_and_pruning_read_a_range_of_the_index(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        for query in (
            "SELECT pool FROM starts WHERE ended >= 1 AND ended < 2",
            "SELECT job_id, fence FROM starts WHERE ended < 2 ORDER BY ended LIMIT 5000",
        ):
            assert "starts_ended" in " ".join(query_plan(ledger, query, ()))
