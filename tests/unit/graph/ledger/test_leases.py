"""The leases of many workers are renewed in few statements."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.graph.ledger_helpers import new

from eddyline.core.clock import ManualClock
from eddyline.graph.job import is_accepted
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.reports import authority
from eddyline.graph.ledger.reports.authority import LeaseRenewal
from eddyline.graph.machine import Machine
from eddyline.graph.worker.direct import DirectBroker


def _renew(ledger: Ledger, clock: ManualClock, *renewals: LeaseRenewal) -> None:
    ledger._database.write(lambda c: authority.renew_leases(c, renewals, clock.now()))


def test_leases_of_known_and_new_workers_are_renewed_together(ledger: Ledger, clock: ManualClock) -> None:
    start = clock.now()
    ledger.register("bea", "host-b", 7, lease_s=30)
    clock.advance(10)
    _renew(
        ledger,
        clock,
        LeaseRenewal(worker="cal", deadline=start + 70, process=("host-c", 8)),
        LeaseRenewal(worker="bea", deadline=start + 60),
        LeaseRenewal(worker="ada", deadline=start + 50),
    )
    found = {row.name: row for row in ledger.workers()}
    assert {name: row.deadline - start for name, row in found.items()} == {"ada": 50, "bea": 60, "cal": 70}
    assert {name: (row.host, row.pid) for name, row in found.items()} == {
        "ada": ("", 0),
        "bea": ("host-b", 7),
        "cal": ("host-c", 8),
    }
    assert {name: row.registered - start for name, row in found.items()} == {"ada": 10, "bea": 0, "cal": 10}


def test_a_workers_host_and_process_id_are_stored(ledger: Ledger, clock: ManualClock) -> None:
    _renew(ledger, clock, LeaseRenewal(worker="ada", deadline=clock.now() + 30))
    _renew(ledger, clock, LeaseRenewal(worker="ada", deadline=clock.now() + 90, process=("host-a", 3)))
    (row,) = ledger.workers()
    assert (row.host, row.pid, row.deadline) == ("host-a", 3, clock.now() + 90)


def test_without_renewals_nothing_changes(ledger: Ledger, clock: ManualClock) -> None:
    _renew(ledger, clock)
    assert ledger.workers() == []


def test_the_machine_of_a_worker_is_recorded_at_registration_and_by_heartbeats(ledger: Ledger) -> None:
    machine = Machine(pool="cpu", instance="i-0123456789abcdef0", lifecycle="spot", vcpu=4, slots=2)
    ledger.register("ada", "here", 1, machine=machine)
    ledger.register("bea", "here", 2)
    ledger.heartbeat("ada", 30.0)
    ledger.heartbeat("bea", 30.0, machine=replace(machine, slots=3))
    ledger.heartbeat("cal", 30.0, machine=machine)  # its row was removed while it was frozen
    assert {row.name: row.machine for row in ledger.workers()} == {
        "ada": machine,
        "bea": replace(machine, slots=3),
        "cal": machine,
    }


def test_a_direct_worker_reports_its_machine(ledger: Ledger) -> None:
    machine = Machine(pool="cpu", instance="i-0123456789abcdef0", slots=2)
    broker = DirectBroker(ledger, machine=machine)
    broker.register("ada", "here", 1, 30.0)
    assert [row.machine for row in ledger.workers()] == [machine]
    broker.deregister("ada")
    broker.heartbeat("ada", 30.0)
    assert [row.machine for row in ledger.workers()] == [machine]


def test_a_claim_of_short_jobs_keeps_the_order_and_leaves_the_others(
    ledger: Ledger, clock: ManualClock
) -> None:
    ledger.submit(
        [
            new("a-1", weight=9.0),
            new("a-2", weight=2.0),
            new("a-3", weight=3.0, deadline=clock.now() + 60),
            new("a-4", weight=1.0, kind="rare"),
            new("a-5", weight=0.0),
            new("a-6", weight=3.5, deadline=clock.now() + 30),
            new("a-7", weight=3.0),
        ]
    )
    claims = ledger.claim("ada", pools=("cpu",), limit=9, lease_s=30, most_weight={"work": 3.0, "else": 99.0})
    assert sorted(claim.job.id for claim in claims) == ["a-2", "a-3", "a-7"]
    assert ledger.claim("ada", pools=("cpu",), limit=9, lease_s=30, most_weight={}) == []
    rest = ledger.claim("bob", pools=("cpu",), limit=9, lease_s=30)
    assert sorted(claim.job.id for claim in rest) == ["a-1", "a-4", "a-5", "a-6"]


def test_a_claim_of_short_jobs_looks_at_the_first_jobs_only(ledger: Ledger) -> None:
    ledger.submit([new(f"a-{number:02d}", weight=9.0) for number in range(32)])
    ledger.submit([new("b-1", weight=1.0), new("b-2", weight=1.0)])
    claims = ledger.claim("ada", pools=("cpu",), limit=1, lease_s=30, most_weight={"work": 1.0})
    assert [claim.job.id for claim in claims] == ["b-1"]
    assert ledger.claim("ada", pools=("cpu",), limit=1, lease_s=30, most_weight={"work": 0.5}) == []
    ledger.submit([new("a-99", weight=9.0, priority=-1)])
    assert ledger.claim("ada", pools=("cpu",), limit=1, lease_s=30, most_weight={"work": 1.0}) == []


def test_accepted_jobs_have_a_known_kind_and_a_weight_within_its_bound() -> None:
    assert is_accepted("work", 1e9, None)
    assert is_accepted("work", 2.0, {"work": 2.0})
    assert not is_accepted("work", 2.1, {"work": 2.0})
    assert not is_accepted("work", 0.0, {"work": 2.0})
    assert not is_accepted("other", 1.0, {"work": 2.0})
