"""The watcher appends events of progress where it changed, and only one of several servers does."""

from __future__ import annotations

from sqlalchemy import update
from tests.unit.library.asset_jobs import ASSET, WORKER, add_row, planned_jobs

from eddyline.core.clock import ManualClock
from eddyline.fleet.pools import load_pools
from eddyline.graph.db.library_schema import assets
from eddyline.graph.job import Done, Settlement
from eddyline.graph.ledger.catalogue.events import AssetEvent
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine
from eddyline.library.progress.watcher import KIND, ProgressWatcher

POOLS = load_pools()
OTHER = "fedcba9876543210"


def progress_events(ledger: Ledger) -> list[AssetEvent]:
    return [each for each in ledger.events.after(0, owner=None, limit=1000) if each.kind == KIND]


def finish_jobs(ledger: Ledger, count: int) -> None:
    for claim in ledger.claim(WORKER, pools=("cpu",), limit=count, lease_s=60):
        ledger.settle([Settlement(job_id=claim.job.id, fence=claim.fence, outcome=Done(result={}))])


def start(ledger: Ledger, clock: ManualClock) -> tuple[ProgressWatcher, list[float]]:
    now = [0.0]
    add_row(ledger, owner="ada")
    ledger.register(WORKER, "host", 1, 1e6, machine=Machine(pool="cpu", slots=4))
    ledger.submit(planned_jobs(chunks=4, owner="ada"))
    clock.advance(2)
    return ProgressWatcher(ledger, POOLS, monotonic=lambda: now[0]), now


def test_events_are_appended_only_where_progress_changed(ledger: Ledger, clock: ManualClock) -> None:
    watcher, _ = start(ledger, clock)
    assert watcher.run_once() == 1
    clock.advance(2)
    assert watcher.run_once() == 0
    finish_jobs(ledger, 6)
    clock.advance(2)
    assert watcher.run_once() == 1
    first, second = progress_events(ledger)
    assert (first.asset, first.owner) == (ASSET, "ada")
    assert sorted(second.body) == ["eta_s", "fraction", "reason", "stage"]
    assert second.body["fraction"] > first.body["fraction"]


def test_of_several_servers_one_watches_in_each_round(ledger: Ledger, clock: ManualClock) -> None:
    watcher, _ = start(ledger, clock)
    other = ProgressWatcher(ledger, POOLS, monotonic=lambda: 0.0)
    assert (watcher.run_once(), other.run_once()) == (1, 0)
    assert len(progress_events(ledger)) == 1


def test_the_place_in_the_queue_is_reported_at_most_every_15_s(ledger: Ledger, clock: ManualClock) -> None:
    watcher, now = start(ledger, clock)
    watcher.run_once()
    for number in range(3):
        asset = f"{number:016x}"
        ledger.submit([each for each in planned_jobs(asset, chunks=1) if each.kind == "poster"])
    add_row(ledger, OTHER)
    ledger.submit([each for each in planned_jobs(OTHER, chunks=1) if each.kind == "poster"])

    def reasons() -> list[str]:
        clock.advance(2)
        watcher.run_once()
        return [each.body["reason"] for each in progress_events(ledger) if each.asset == OTHER]

    assert reasons() == ["queued behind 4 jobs"]
    finish_jobs(ledger, 1)
    assert reasons() == ["queued behind 4 jobs"]
    now[0] += 15
    assert reasons() == ["queued behind 4 jobs", "queued behind 3 jobs"]


def test_no_progress_follows_the_end_of_an_asset(ledger: Ledger, clock: ManualClock) -> None:
    watcher, _ = start(ledger, clock)
    watcher.run_once()
    ledger.write(lambda c: c.execute(update(assets).values(state="ready")))
    clock.advance(2)
    assert watcher.run_once() == 0
    assert len(progress_events(ledger)) == 1


def test_more_assets_than_fit_in_a_round_are_all_reported(ledger: Ledger, clock: ManualClock) -> None:
    watcher, _ = start(ledger, clock)
    for number in range(250):
        add_row(ledger, f"{number:016x}")
    total = 0
    for _ in range(2):
        clock.advance(2)
        total += watcher.run_once()
    assert total == 251
