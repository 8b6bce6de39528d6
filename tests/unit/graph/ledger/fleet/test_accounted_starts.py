"""Starts for the accounts: redone ones, running ones, archived jobs, owners, slots and registrations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select
from tests.unit.graph.ledger_helpers import claim_jobs, done, failed, interrupted, new, settle

from eddyline.core.clock import ManualClock
from eddyline.fleet.record.fold import fold
from eddyline.graph.ledger.fleet import accounted_starts, prices
from eddyline.graph.ledger.fleet.accounted_starts import StartRow
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine

INSTANCE, OTHER = "i-0123456789abcdef0", "i-0fedcba9876543210"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_800_000_000.0)


@pytest.fixture
def ledger(open_ledger: Callable[..., Ledger]) -> Ledger:
    opened = open_ledger()
    for worker, instance in (("ada", INSTANCE), ("eve", INSTANCE), ("bob", ""), ("cyd", OTHER)):
        machine = Machine(pool="cpu", instance=instance, slots=4)
        opened.register(worker, "host", 1, lease_s=1e6, machine=machine)
    return opened


def _rows(ledger: Ledger, since: float) -> list[StartRow]:
    found = ledger.read(
        lambda c: [StartRow._make(row) for rows in accounted_starts.between(c, since, 1e11) for row in rows]
    )
    return sorted(found)


def _run(ledger: Ledger, clock: ManualClock, worker: str, outcome: object) -> None:
    (claim,) = claim_jobs(ledger, worker=worker)
    clock.advance(10)
    assert settle(ledger, claim, outcome)  # type: ignore[arg-type]


def test_redone_starts_are_interrupted_lost_or_failed_and_retried(ledger: Ledger, clock: ManualClock) -> None:
    begin = clock.now()
    ledger.submit([new("a-1", max_attempts=2)])
    _run(ledger, clock, "ada", interrupted())
    _run(ledger, clock, "bob", failed())
    clock.advance(1000)
    _run(ledger, clock, "ada", failed())
    found = _rows(ledger, begin)
    assert [(row.instance, row.worker, row.outcome, row.redone) for row in found] == [
        ("", "bob", "failed", 1),
        (INSTANCE, "", "interrupted", 1),
        (INSTANCE, "", "failed", 0),
    ]
    assert all(row.ended is not None and row.ended - row.started == 10 for row in found)
    assert [row.job_id for row in _rows(ledger, clock.now())] == ["a-1"]
    by_job = ledger.read(lambda c: list(accounted_starts.of_jobs(c, ["a-1", "b-1"])))
    assert sorted(by_job) == found
    on_instance = ledger.read(lambda c: list(accounted_starts.on_instances(c, [INSTANCE])))
    assert sorted(on_instance) == found[1:]
    assert ledger.read(lambda c: accounted_starts.count_on_instances(c, [INSTANCE, OTHER])) == 2


def test_a_failed_start_whose_retry_is_due_is_redone_before_it_starts_again(
    ledger: Ledger, clock: ManualClock
) -> None:
    ledger.submit([new("a-1", max_attempts=2)])
    _run(ledger, clock, "ada", failed())
    assert [row.redone for row in _rows(ledger, 0)] == [1]


def test_running_starts_have_no_end(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-1"), new("b-1")])
    claim_jobs(ledger, worker="ada")
    claim_jobs(ledger, worker="bob")
    found = sorted(ledger.read(accounted_starts.running))
    assert [(row.instance, row.worker, row.ended, row.outcome, row.redone) for row in found] == [
        ("", "bob", None, "running", 0),
        (INSTANCE, "ada", None, "running", 0),
    ]
    assert found[0].started == clock.now()


def test_archived_jobs_keep_their_asset_and_owner(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([new("a-1", owner="ann", spec={"index": "720p"}), new("b-1", owner="bea")])
    for _ in range(2):
        _run(ledger, clock, "ada", done())
    clock.advance(1000)
    assert ledger.archive(older_than_s=100) == 2
    ledger.submit([new("b-2", owner="bea", spec={"index": 3})])
    owners = ledger.read(lambda c: accounted_starts.owners(c, ["a", "b", "c"]))
    assert owners == {"a": "ann", "b": "bea"}
    assert ledger.read(lambda c: accounted_starts.specs_of_asset(c, "a")) == {"a-1": {"index": "720p"}}
    assert ledger.read(lambda c: accounted_starts.specs_of_asset(c, "b")) == {"b-1": {}, "b-2": {"index": 3}}
    assert ledger.read(lambda c: accounted_starts.specs_of_asset(c, "c")) == {}


def test_slots_and_registrations_of_instances(ledger: Ledger, clock: ManualClock) -> None:
    begin = clock.now()
    assert ledger.read(accounted_starts.slots) == {INSTANCE: 8, OTHER: 4}
    clock.advance(5)
    ledger.fleet.store_machines(fold=fold)
    found = ledger.read(lambda c: accounted_starts.registered(c, [INSTANCE, "i-00000000"]))
    assert found == {INSTANCE: begin}


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (accounted_starts._BETWEEN, "INDEX starts_ended (ended>?)"),
        (accounted_starts._ON_INSTANCES, "INDEX starts_instance (instance=?)"),
        (accounted_starts._OF_JOBS, "PRIMARY KEY (job_id=?)"),
        (accounted_starts._RUNNING, "INDEX jobs_running"),
    ],
)
def test_queries_read_ranges_of_indexes(tmp_path: Path, query: Select[Any], index: str) -> None:
    with Ledger.open(tmp_path / "ledger.db") as opened:
        engine = opened._database.engine
        values = {"start": 0.0, "stop": 1.0, "ids": ["a"]}
        given = {name: values[name] for name in query.compile().params if name in values}
        compiled = query.params(**given).compile(engine, compile_kwargs={"literal_binds": True})
        plan = opened.read(lambda c: c.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all())
    assert any(index in str(step[3]) for step in plan), plan
    assert not any(str(step[3]).startswith("SCAN starts") for step in plan), plan


def test_prices_of_some_types(ledger: Ledger) -> None:
    stored = [
        prices.Price(instance_type=name, zone=zone, at=at, usd_per_hour=at)
        for name in ("c5.large", "c6.large")
        for zone in ("", "a")
        for at in (1.0, 2.0, 3.0)
    ]
    ledger.write(lambda c: prices.add(c, stored))
    found = ledger.read(lambda c: prices.find(c, 2.5, ["c6.large", "c7.large"]))
    assert [(each.instance_type, each.zone, each.at) for each in found] == [
        ("c6.large", "", 2.0),
        ("c6.large", "", 3.0),
        ("c6.large", "a", 2.0),
        ("c6.large", "a", 3.0),
    ]
    assert ledger.read(lambda c: prices.find(c, 2.5, [])) == []
    assert len(ledger.read(lambda c: prices.find(c, 2.5))) == 8
