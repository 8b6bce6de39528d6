"""Leases of many workers, kept in one go."""

from __future__ import annotations

from eddyline.core.clock import ManualClock
from eddyline.graph.ledger import report_authority
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.report_authority import Alive


def _keep(ledger: Ledger, clock: ManualClock, *heard: Alive) -> None:
    ledger._database.write(lambda c: report_authority.keep(c, heard, clock.now()))


def test_known_and_new_workers_are_kept_together(ledger: Ledger, clock: ManualClock) -> None:
    begin = clock.now()
    ledger.register("bea", "host-b", 7, lease_s=30)
    clock.advance(10)
    _keep(
        ledger,
        clock,
        Alive(worker="cal", deadline=begin + 70, whereabouts=("host-c", 8)),
        Alive(worker="bea", deadline=begin + 60),
        Alive(worker="ada", deadline=begin + 50),
    )
    found = {row.name: row for row in ledger.workers()}
    assert {name: row.deadline - begin for name, row in found.items()} == {"ada": 50, "bea": 60, "cal": 70}
    assert {name: (row.host, row.pid) for name, row in found.items()} == {
        "ada": ("", 0),
        "bea": ("host-b", 7),
        "cal": ("host-c", 8),
    }
    assert {name: row.registered - begin for name, row in found.items()} == {"ada": 10, "bea": 0, "cal": 10}


def test_a_worker_that_says_where_it_is_is_known_by_that(ledger: Ledger, clock: ManualClock) -> None:
    _keep(ledger, clock, Alive(worker="ada", deadline=clock.now() + 30))
    _keep(ledger, clock, Alive(worker="ada", deadline=clock.now() + 90, whereabouts=("host-a", 3)))
    (row,) = ledger.workers()
    assert (row.host, row.pid, row.deadline) == ("host-a", 3, clock.now() + 90)


def test_nobody_heard_is_nothing_to_do(ledger: Ledger, clock: ManualClock) -> None:
    _keep(ledger, clock)
    assert ledger.workers() == []
