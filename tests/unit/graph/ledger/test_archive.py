"""Assets that ended long ago are archived completely, without delaying other work."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.graph.ledger_helpers import claim_jobs, done, failed, finish, get, new, settle, states

from eddyline.core.clock import ManualClock
from eddyline.core.stop import Stop
from eddyline.graph.job import GraphError
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State

DAY = 86_400.0


@pytest.fixture
def old(ledger: Ledger, clock: ManualClock) -> Ledger:
    """A ledger in which asset a is done and b has failed, both long ago; c has just ended."""
    ledger.submit([new("a-1"), new("a-2", "a-1")])
    finish(ledger, "a-1")
    finish(ledger, "a-2")
    ledger.submit([new("b-1"), new("b-2", "b-1")])
    settle(ledger, claim_jobs(ledger)[0], failed(retry=False))
    clock.advance(30 * DAY)
    ledger.submit([new("c-1")])
    finish(ledger, "c-1")
    return ledger


def test_assets_that_ended_long_ago_are_archived_with_all_jobs(old: Ledger) -> None:
    assert old.archive(older_than_s=7 * DAY) == 4
    assert set(states(old)) == {"c-1"}
    assert [(job.id, job.state) for job in old.archived("b")] == [
        ("b-1", State.DEAD),
        ("b-2", State.CANCELLED),
    ]
    body = json.loads(old.archived("a")[1].body)
    assert body["dependencies"] == [{"met": False, "dependency": "a-1", "optional": False}]
    assert body["job_id"] == "a-2"
    assert body["attempt"] == 1
    assert old.archive(older_than_s=7 * DAY) == 0


def test_an_archived_done_job_is_not_added_again(old: Ledger) -> None:
    old.archive(older_than_s=7 * DAY)
    assert old.submit([new("a-1"), new("a-2", "a-1")]) == 0
    assert old.submit([new("a-3", "a-2")]) == 1
    finish(old, "a-3")


def test_an_archived_failed_job_can_be_submitted_again(old: Ledger, clock: ManualClock) -> None:
    old.archive(older_than_s=7 * DAY)
    assert old.submit([new("b-1"), new("b-2", "b-1")]) == 2
    finish(old, "b-1")
    finish(old, "b-2")
    clock.advance(30 * DAY)
    assert old.archive(older_than_s=7 * DAY) == 3
    assert {job.state for job in old.archived("b")} == {State.DONE}


def test_an_asset_with_an_open_job_is_not_archived(old: Ledger) -> None:
    old.submit([new("a-9")])
    assert old.archive(older_than_s=7 * DAY) == 2
    assert {"a-1", "a-2", "a-9"} <= set(states(old))


def test_a_job_that_another_asset_may_depend_on_is_not_archived(old: Ledger, clock: ManualClock) -> None:
    old.submit([new("d-1", "a-2"), new("e-1", "b-2")])
    assert get(old, "e-1").state is State.CANCELLED
    assert old.archive(older_than_s=7 * DAY) == 0
    finish(old, "d-1")
    assert old.archive(older_than_s=7 * DAY) == 2, "a: its dependant is done"
    # b is kept for e, which a redrive of b makes open again.
    assert old.redrive("b-1") == ["b-1", "b-2", "e-1"]
    finish(old, "b-1")
    clock.advance(1)


def test_a_dependency_on_an_archived_failed_job_is_rejected(old: Ledger) -> None:
    old.archive(older_than_s=7 * DAY)
    with pytest.raises(GraphError, match="not a job"):
        old.submit([new("x-1", "b-1")])


def test_archiving_does_not_delay_claims(open_ledger: Callable[..., Ledger], clock: ManualClock) -> None:
    mine, other = open_ledger(), open_ledger()
    for number in range(40):
        mine.submit([new(f"old{number}-{n}") for n in range(5)])
    finish(mine, *(job.id for job in mine.jobs()))
    clock.advance(30 * DAY)
    mine.submit([new(f"new-{n:03d}") for n in range(60)])
    moved: list[int] = []
    thread = threading.Thread(target=lambda: moved.append(other.archive(older_than_s=DAY, assets_at_once=2)))
    thread.start()
    for _ in range(60):
        assert settle(mine, claim_jobs(mine)[0], done())
    thread.join()
    assert moved == [200]
    assert mine.counts()[State.DONE] == 60


def test_two_processes_may_archive_concurrently(
    open_ledger: Callable[..., Ledger], clock: ManualClock
) -> None:
    ledgers = [open_ledger() for _ in range(3)]
    for number in range(30):
        ledgers[0].submit([new(f"old{number}-1")])
    finish(ledgers[0], *(job.id for job in ledgers[0].jobs()))
    clock.advance(30 * DAY)
    moved: list[int] = []

    def archive(ledger: Ledger) -> None:
        moved.append(ledger.archive(older_than_s=DAY, assets_at_once=3))

    threads = [threading.Thread(target=archive, args=(ledger,)) for ledger in ledgers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(moved) == 30


def test_compacting_shrinks_the_file(tmp_path: Path, clock: ManualClock) -> None:
    path, empty = tmp_path / "ledger.db", tmp_path / "empty.db"
    Ledger.open(empty, clock=clock).close()
    with Ledger.open(path, clock=clock) as ledger:
        ledger.submit([new(f"a-{number:04d}", spec={"x": "y" * 500}) for number in range(2000)])
        ledger.cancel(asset="a")
        clock.advance(30 * DAY)
        ledger.archive(older_than_s=DAY)
        ledger._database.write(lambda c: c.exec_driver_sql("DELETE FROM archive"))
        ledger.compact()
        ledger.submit([new("b-1")])
    assert path.stat().st_size < empty.stat().st_size + 100_000  # the jobs had more than 1 MB


def test_a_ledger_can_be_used_after_compacting(old: Ledger) -> None:
    old.archive(older_than_s=7 * DAY)
    old.compact()
    old.submit([new("d-1")])
    finish(old, "d-1")


def test_archiving_stops_between_two_transactions(ledger: Ledger, clock: ManualClock) -> None:
    names = [f"asset{number}-1" for number in range(6)]
    ledger.submit([new(name) for name in names])
    for claim in claim_jobs(ledger, limit=10):
        assert settle(ledger, claim, done())
    clock.advance(100)
    stop = Stop()
    stop.request("enough")
    assert ledger.archive(older_than_s=10, assets_at_once=2, stop=stop) == 0
    started = time.monotonic()
    assert ledger.archive(older_than_s=10, assets_at_once=2, stop=Stop()) == 6
    assert time.monotonic() - started < 10
