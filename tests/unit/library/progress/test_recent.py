from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.unit.library.asset_jobs import ASSET, WORKER, add_row, planned_jobs

from eddyline.fleet.pools import load_pools
from eddyline.graph.job import Done, Settlement
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine
from eddyline.library.progress import recent
from eddyline.library.progress.asset_progress import AssetProgress, read_progress
from eddyline.library.progress.recent import FRESH_S, KEPT_S, RecentProgress


class Watch:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def finish_jobs(ledger: Ledger, count: int) -> None:
    claims = ledger.claim(WORKER, pools=("cpu",), limit=count, lease_s=600.0)
    ledger.settle(
        [Settlement(job_id=each.job.id, fence=each.fence, outcome=Done(result={})) for each in claims]
    )


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def progress(ledger: Ledger, watch: Watch) -> RecentProgress:
    add_row(ledger)
    ledger.submit(planned_jobs())
    ledger.register(WORKER, "host", 1, 600.0, machine=Machine(pool="cpu", slots=4))
    return RecentProgress(ledger, load_pools(), monotonic=watch)


def test_progress_is_read_again_after_two_seconds(
    ledger: Ledger, progress: RecentProgress, watch: Watch
) -> None:
    first = progress.read([ASSET, "unknown"])
    assert first == read_progress(ledger, load_pools(), [ASSET])
    finish_jobs(ledger, 6)
    watch.now += FRESH_S / 2
    assert progress.read([ASSET]) == first
    watch.now += FRESH_S
    assert progress.read([ASSET])[ASSET].fraction > first[ASSET].fraction
    assert progress.read([]) == {}


def test_one_thread_reads_and_the_others_get_the_last_progress_for_five_seconds(
    ledger: Ledger, progress: RecentProgress, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = progress.read([ASSET])
    finish_jobs(ledger, 6)
    reading, go_on = threading.Event(), threading.Event()

    def slow(*arguments: Any) -> dict[str, AssetProgress]:
        reading.set()
        assert go_on.wait(30)
        return read_progress(*arguments)

    monkeypatch.setattr(recent, "read_progress", slow)
    watch.now += KEPT_S
    with ThreadPoolExecutor(2) as pool:
        refreshed = pool.submit(progress.read, [ASSET])
        assert reading.wait(30)
        assert progress.read([ASSET]) == first
        watch.now += 0.1
        waiting = pool.submit(progress.read, [ASSET])
        go_on.set()
        assert waiting.result(30)[ASSET].fraction > first[ASSET].fraction
        assert refreshed.result(30)[ASSET].fraction > first[ASSET].fraction


def test_progress_is_forgotten(progress: RecentProgress, watch: Watch) -> None:
    progress.read([ASSET])
    watch.now += 2 * KEPT_S
    progress.read(["unknown"])
    assert progress._kept == {}
