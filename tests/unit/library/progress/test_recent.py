from __future__ import annotations

import pytest
from tests.unit.library.asset_jobs import ASSET, WORKER, add_row, planned_jobs

from eddyline.fleet.pools import Pools, load_pools
from eddyline.graph.job import Done, Settlement
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine
from eddyline.library.progress import recent
from eddyline.library.progress.asset_progress import AssetProgress, read_progress
from eddyline.library.progress.recent import KEPT_S, RecentProgress


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


def test_progress_is_read_again_after_a_second(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    add_row(ledger)
    ledger.submit(planned_jobs())
    ledger.register(WORKER, "host", 1, 600.0, machine=Machine(pool="cpu", slots=4))
    reads: list[tuple[str, ...]] = []

    def counted(ledger: Ledger, pools: Pools, assets: list[str]) -> dict[str, AssetProgress]:
        reads.append(tuple(assets))
        return read_progress(ledger, pools, assets)

    monkeypatch.setattr(recent, "read_progress", counted)
    watch = Watch()
    progress = RecentProgress(ledger, load_pools(), monotonic=watch)
    first = progress.read([ASSET, "unknown"])
    assert first == read_progress(ledger, load_pools(), [ASSET])
    finish_jobs(ledger, 6)
    watch.now += KEPT_S / 2
    assert progress.read([ASSET]) == first
    watch.now += KEPT_S
    assert progress.read([ASSET])[ASSET].fraction > first[ASSET].fraction
    assert reads == [(ASSET, "unknown"), (), (ASSET,)]
    assert progress.read([]) == {}
