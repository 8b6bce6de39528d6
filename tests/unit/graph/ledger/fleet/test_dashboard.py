"""What the dashboard keeps in memory equals what a new one reads."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import asdict

import pytest
from sqlalchemy import insert
from tests.unit.fleet.dashboard.fleets import START, STOP, random_instances

from eddyline.app.fleet import dashboard_queries as queries
from eddyline.app.fleet.dashboard import Filters, FleetDashboard
from eddyline.app.fleet.machine_list import list_machines
from eddyline.core.clock import ManualClock
from eddyline.core.errors import UsageError
from eddyline.fleet.dashboard.grouping import UNKNOWN, Grouping
from eddyline.fleet.record.fold import fold
from eddyline.graph.db.schema import instances, starts
from eddyline.graph.fleet_event import FleetEvent, FleetEventKind
from eddyline.graph.ledger.fleet import prices
from eddyline.graph.ledger.fleet.prices import Price
from eddyline.graph.ledger.ledger import Ledger

NOW = STOP + 2 * 86_400


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def ledger(open_ledger: Callable[..., Ledger]) -> Ledger:
    found = open_ledger()
    rows = [asdict(each) for each in random_instances(1)]
    found.write(lambda connection: connection.execute(insert(instances), rows).rowcount)
    return found


def event(instance: str, kind: FleetEventKind, at: float, **more: object) -> FleetEvent:
    values: dict[str, object] = {"id": f"{kind}/{instance}/{at}", "pool": "cpu", "lifecycle": "spot", **more}
    return FleetEvent(instance=instance, kind=kind, at=at, **values)  # type: ignore[arg-type]


def test_changes_are_read_on_the_next_request(ledger: Ledger, clock: ManualClock) -> None:
    dashboard = FleetDashboard(ledger, vcpu_of_types={"c7i.large": 2})
    rng = random.Random(4)
    names = [each.instance for each in ledger.fleet.instances(START, STOP)]
    for number in range(6):
        clock.advance(rng.choice([1.0, 60.0, 4000.0]))
        at = clock.now()
        new = event(f"i-new{number}", FleetEventKind.LAUNCHED, at - 50, instance_type="c7i.large")
        ended = event(rng.choice(names), FleetEventKind.TERMINATED, at - 20, cause="interruption")
        ledger.fleet.store([new, ended], fold=fold)
        # Each request looks back further than the one before.
        start, stop = NOW - (number + 1) * 5 * 86_400, clock.now()
        kept = dashboard.view(start, stop, Filters())
        fresh = FleetDashboard(ledger, vcpu_of_types={"c7i.large": 2}).view(start, stop, Filters())
        assert queries.summary(kept) == queries.summary(fresh)
        assert queries.interruptions(kept, Grouping.TYPE) == queries.interruptions(fresh, Grouping.TYPE)
        assert len(kept.machines) == len(fresh.machines)


def test_filters_choose_machines_and_add_up(ledger: Ledger) -> None:
    dashboard = FleetDashboard(ledger, vcpu_of_types={})
    total = queries.summary(dashboard.view(START, STOP, Filters()))
    assert total.zones == ["us-east-1a", "us-east-1b", UNKNOWN]
    for name, values in (("pool", total.pools), ("instance_type", total.types), ("zone", total.zones)):
        parts = [queries.summary(dashboard.view(START, STOP, Filters(**{name: value}))) for value in values]
        assert sum(each.machines.ran for each in parts) == total.machines.ran
        assert sum(each.interruptions.interruptions for each in parts) == total.interruptions.interruptions
        assert sum(each.usage.instance_hours for each in parts) == pytest.approx(total.usage.instance_hours)
    assert queries.summary(dashboard.view(START, STOP, Filters(pool="absent"))).machines.ran == 0


def test_the_machine_list_has_each_machine_once_and_equals_the_sums(ledger: Ledger) -> None:
    view = FleetDashboard(ledger, vcpu_of_types={}).view(START, STOP, Filters())
    rows, after = [], ""
    while True:
        page = list_machines(view, limit=37, after=after)
        rows += page.machines
        after = page.next
        if not after:
            break
    assert len(rows) == page.total == len({each.instance for each in rows})
    assert [each.launched or 0 for each in rows] == sorted(
        (each.launched or 0 for each in rows), reverse=True
    )
    total = queries.summary(view)
    assert sum(each.instance_hours for each in rows) == pytest.approx(total.usage.instance_hours)
    interrupted = [
        each
        for each in rows
        if each.ended_by == "interruption" and each.lifecycle == "spot" and each.launched is not None
    ]
    within = [each for each in interrupted if START <= (each.terminated or 0) < STOP]
    assert len(within) == total.interruptions.interruptions
    only = list_machines(view, limit=1000, ended_by="interruption")
    assert {each.ended_by for each in only.machines} == {"interruption"}


def test_an_invalid_cursor_is_refused(ledger: Ledger) -> None:
    view = FleetDashboard(ledger, vcpu_of_types={}).view(START, STOP, Filters())
    for cursor in ("x", "AAAA", "é", "bm90IGEgbnVtYmVy"):
        with pytest.raises(UsageError, match="cursor"):
            list_machines(view, limit=5, after=cursor)


def test_work_of_interrupted_machines_is_attributed(ledger: Ledger) -> None:
    view = FleetDashboard(ledger, vcpu_of_types={}).view(START, STOP, Filters())
    warned_at, terminated, name = next(
        row
        for row in zip(
            view.interrupted.warned.tolist(),
            view.interrupted.terminated.tolist(),
            view.interrupted.name.tolist(),
            strict=True,
        )
        if row[0] == row[0]  # not NaN
    )

    def start(job: str, ended: float, outcome: str, cpu_s: float | None) -> dict[str, object]:
        return {
            "job_id": job,
            "fence": 1,
            "pool": "cpu",
            "kind": "chunk",
            "worker": "w",
            "instance": name,
            "started": warned_at - 100,
            "ended": ended,
            "outcome": outcome,
            "cpu_s": cpu_s,
            "fraction": None,
        }

    rows = [
        start("earlier", warned_at - 1, "lost", 1.0),
        start("done", warned_at + 30, "done", 20.0),
        start("back", warned_at + 7, "interrupted", 50.0),
        start("lost", terminated + 45, "lost", None),
    ]
    ledger.write(lambda connection: connection.execute(insert(starts), rows).rowcount)
    found = queries.drains(
        FleetDashboard(ledger, vcpu_of_types={}).view(START, STOP, Filters()), Grouping.ALL, ledger
    )
    total = found.total
    # The lost job counts until the machine ended, the one that was lost before the notice not at all.
    assert total.redone_s == pytest.approx(107 + (terminated - warned_at + 100))
    assert (total.redone_starts, total.redone_cpu_s, total.redone_unmeasured) == (2, 50.0, 1)
    assert (total.missed, total.drained_s.count) == (1, 0)
    assert {(row.outcome, row.starts) for row in found.redone} == {("lost", 2), ("interrupted", 1)}


def test_prices_before_and_within_the_window_are_found(ledger: Ledger) -> None:
    found = [Price(instance_type="t", zone="z", at=at, usd_per_hour=at / 1e9) for at in (1.0, 2.0, START + 5)]
    ledger.write(lambda connection: prices.add(connection, [*found, found[0]]))
    assert list(ledger.read(lambda connection: prices.find(connection, START))) == found[1:]
    assert list(ledger.read(lambda connection: prices.find(connection, 0.5))) == found
    assert ledger.write(lambda connection: prices.prune(connection, START)) == 1
    assert list(ledger.read(lambda connection: prices.find(connection, 0.5))) == found[1:]


def test_pruning_the_record_deletes_prices_that_were_replaced_400_days_ago(
    open_ledger: Callable[..., Ledger],
) -> None:
    clock = ManualClock(START + 500 * 86_400)
    ledger = open_ledger(clock=clock)
    days = (50, 90, 200)  # the record keeps the days from 100 on; the price of day 90 held then
    found = [
        Price(instance_type="c7i.xlarge", zone=zone, at=START + day * 86_400, usd_per_hour=day)
        for zone in ("", "z")
        for day in days
    ]
    ledger.write(lambda connection: prices.add(connection, found))
    ledger.fleet.prune()
    kept = ledger.read(lambda connection: prices.find(connection, START))
    assert [(each.zone, each.usd_per_hour) for each in kept] == [("", 90), ("", 200), ("z", 90), ("z", 200)]
