"""Work and capacity of the pools, as the ledger knows them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, insert

from eddyline.core.clock import ManualClock
from eddyline.graph.db.schema import instances, jobs, starts, workers
from eddyline.graph.job import Done, NewJob, Settlement
from eddyline.graph.ledger.fleet.load import read_load
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine
from eddyline.graph.pool_load import DueWork, EndedStart, Instances, Load, RunningWork, Workers

READY_AFTER_S = 300.0


def load_of(ledger: Ledger) -> Load:
    return ledger._database.read(lambda c: read_load(c, ledger.now(), ready_after_s=READY_AFTER_S))


def put(ledger: Ledger, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    ledger._database.write(lambda c: c.execute(insert(table), list(rows)))


def job(name: str, *, kind: str = "chunk", pool: str = "cpu", weight: float = 10.0) -> NewJob:
    return NewJob(id=name, asset="asset", kind=kind, spec={}, pool=pool, weight=weight)


def worker(name: str, ledger: Ledger, **changes: Any) -> dict[str, Any]:
    row = {"name": name, "host": f"host-{name}", "pid": 1, "registered": ledger.now(), "key": ""}
    row |= {"deadline": ledger.now() + 30, "proven": True, "pool": "cpu", "instance": f"i-{name}"}
    row |= {"instance_type": "", "zone": "", "lifecycle": "spot", "vcpu": 32, "slots": 16}
    return row | changes


def instance(name: str, ledger: Ledger, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(column.name for column in instances.columns)
    row |= {"instance": name, "pool": "cpu", "auto_scaling_group": "", "instance_type": "", "zone": ""}
    row |= {"lifecycle": "spot", "vcpu": 32, "account": "", "region": "", "ended_by": ""}
    return row | {"launched": ledger.now() - 1000.0} | changes


def test_due_work_is_summed_by_pool_and_kind(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([job("1"), job("2", weight=5.0), job("3", kind="audio", pool="light", weight=2.0)])
    clock.advance(12.0)
    ledger.submit([job("4")])
    assert sorted(load_of(ledger).due, key=lambda each: each.pool) == [
        DueWork(pool="cpu", kind="chunk", jobs=3, weight=25.0, oldest_s=12.0),
        DueWork(pool="light", kind="audio", jobs=1, weight=2.0, oldest_s=12.0),
    ]


def test_a_job_that_waits_for_its_retry_or_for_others_is_not_due(ledger: Ledger) -> None:
    ledger.submit(
        [job("1"), NewJob(id="2", asset="asset", kind="chunk", spec={}, pool="cpu", dependencies=("1",))]
    )
    assert [each.jobs for each in load_of(ledger).due] == [1]


def test_running_work_belongs_to_the_pool_of_its_worker(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([job("1"), job("2", kind="audio", pool="light", weight=3.0)])
    ledger.register("w", "host", 1, machine=Machine(pool="cpu", vcpu=4, slots=2))
    ledger.claim("w", pools=["cpu", "light"], limit=2, lease_s=30.0)
    clock.advance(7.0)
    found = sorted(load_of(ledger).running, key=lambda each: each.kind)
    assert found == [
        RunningWork(pool="cpu", job_pool="light", kind="audio", jobs=1, weight=3.0, elapsed_s=7.0),
        RunningWork(pool="cpu", job_pool="cpu", kind="chunk", jobs=1, weight=10.0, elapsed_s=7.0),
    ]


def test_a_worker_that_reported_no_pool_counts_as_one_of_its_jobs_pool(ledger: Ledger) -> None:
    ledger.submit([job("1")])
    ledger.claim("old", pools=["cpu"], limit=1, lease_s=30.0)
    assert [each.pool for each in load_of(ledger).running] == ["cpu"]


def test_workers_are_capacity_while_their_lease_is_valid_and_they_are_proven(ledger: Ledger) -> None:
    rows = [
        worker("1", ledger),
        worker("2", ledger, instance="i-1", host="host-1"),
        worker("3", ledger, lifecycle="on-demand"),
        worker("4", ledger, lifecycle="", vcpu=None, slots=3),
        worker("5", ledger, deadline=ledger.now() - 1),
        worker("6", ledger, proven=False),
        worker("7", ledger, pool=""),
    ]
    put(ledger, workers, rows)
    found = {each.spot: each for each in load_of(ledger).workers}
    assert found == {
        True: Workers(pool="cpu", spot=True, workers=2, instances=1, vcpu=64, slots=32, slots_without_vcpu=0),
        False: Workers(
            pool="cpu", spot=False, workers=2, instances=2, vcpu=32, slots=19, slots_without_vcpu=3
        ),
    }


def test_workers_on_instances_that_are_about_to_end_do_not_count(ledger: Ledger) -> None:
    now = ledger.now()
    put(ledger, workers, [worker(name, ledger) for name in ("1", "2", "3", "4", "5")])
    ending = [{"warned_at": now}, {"scale_in_at": now}, {"terminated": now}, {"rebalance_at": now}]
    put(ledger, instances, [instance(f"i-{n}", ledger, **each) for n, each in enumerate(ending, 1)])
    (left,) = load_of(ledger).workers
    assert left.workers == 2  # a rebalance recommendation changes nothing: the instance may stay for hours


def test_recorded_instances_are_old_after_the_time_to_get_ready(ledger: Ledger) -> None:
    now = ledger.now()
    rows = [
        instance("i-1", ledger),
        instance("i-2", ledger, launched=now - 10),
        instance("i-3", ledger, lifecycle="on-demand", vcpu=None),
        instance("i-4", ledger, terminated=now),
        instance("i-5", ledger, launched=None),
        instance("i-6", ledger, pool=""),
    ]
    put(ledger, instances, rows)
    found = {each.spot: each for each in load_of(ledger).instances}
    assert found == {
        True: Instances(pool="cpu", spot=True, instances=2, vcpu=64, old_vcpu=32),
        False: Instances(pool="cpu", spot=False, instances=1, vcpu=0, old_vcpu=0),
    }


def start(name: str, ledger: Ledger, *, outcome: str = "done", seconds: float = 8.0) -> dict[str, Any]:
    now = ledger.now()
    row = {"job_id": name, "fence": 1, "pool": "cpu", "kind": "chunk", "worker": "w", "instance": ""}
    return row | {"started": now - seconds, "ended": now, "outcome": outcome, "cpu_s": None, "fraction": None}


def test_rates_are_measured_from_jobs_that_were_done(ledger: Ledger) -> None:
    ledger.submit([job("1"), job("2")])
    put(ledger, starts, [start("1", ledger), start("2", ledger, outcome="interrupted"), start("x", ledger)])
    assert load_of(ledger).ended == (EndedStart(pool="cpu", kind="chunk", weight=10.0, seconds=8.0),)


def test_a_settled_job_measures_its_kind(ledger: Ledger, clock: ManualClock) -> None:
    ledger.submit([job("1")])
    (claim,) = ledger.claim("w", pools=["cpu"], limit=1, lease_s=30.0)
    clock.advance(8.0)
    ledger.settle([Settlement(job_id=claim.job.id, fence=claim.fence, outcome=Done(result={}))])
    assert load_of(ledger).ended == (EndedStart(pool="cpu", kind="chunk", weight=10.0, seconds=8.0),)


def test_a_ledger_of_many_done_and_due_jobs_is_read_in_a_second(ledger: Ledger) -> None:
    done, due, running = 20_000, 10_000, 2_000
    now = ledger.now()

    def row(number: int) -> dict[str, Any]:
        state = "ready" if number < due else "running" if number < due + running else "done"
        found: dict[str, Any] = dict.fromkeys(column.name for column in jobs.columns)
        found |= {"id": f"{number}", "asset": f"{number // 100}", "kind": "chunk", "pool": "cpu"}
        found |= {"priority": 30, "owner": "", "spec": "{}", "weight": 1.0, "created": now, "state": state}
        found |= dict.fromkeys(("unmet", "attempt", "starts", "interruptions", "losses", "fence"), 0)
        found |= {"ready_at": now, "started": now - 5, "start_tag": 0.0, "answered": 0, "lease_owner": "w"}
        return found

    put(ledger, jobs, [row(number) for number in range(done + due + running)])
    put(ledger, starts, [start(f"{number}", ledger) for number in range(due + running, due + running + done)])
    begun = time.perf_counter()
    found = load_of(ledger)
    assert time.perf_counter() - begun < 1.0
    assert (found.due[0].jobs, found.running[0].jobs, len(found.ended)) == (due, running, 2000)
