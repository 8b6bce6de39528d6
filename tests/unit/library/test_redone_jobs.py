"""Which jobs ran again: lost and interrupted starts of one asset, from the history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eddyline.core.clock import ManualClock
from eddyline.graph.job import Done, Interrupted, NewJob, Settlement
from eddyline.graph.ledger.ended_starts import StartOutcome
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library import redone_jobs
from eddyline.library.redone_jobs import find_redone

ASSET = "0123456789abcdef"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: ManualClock) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite", clock=clock) as opened:
        yield opened


def start(ledger: Ledger, asset: str, name: str) -> tuple[str, int]:
    job = f"{asset}.request1.{name}"
    ledger.submit([NewJob(id=job, asset=asset, kind=name.partition("-")[0], pool="cpu", spec={})])
    ledger.register("w", "here", 1)
    (claim,) = ledger.claim("w", pools=["cpu"], limit=1, lease_s=30)
    assert claim.job.id == job
    return job, claim.fence


def test_lost_and_interrupted_starts_are_listed_in_the_order_of_their_ends(
    ledger: Ledger, clock: ManualClock
) -> None:
    lost, _ = start(ledger, ASSET, "chunk-0003")
    clock.advance(5)
    ledger.release_worker("w")
    (claim,) = ledger.claim("w", pools=["cpu"], limit=1, lease_s=30)
    clock.advance(2)
    ledger.settle([Settlement(job_id=lost, fence=claim.fence, outcome=Interrupted())])
    (claim,) = ledger.claim("w", pools=["cpu"], limit=1, lease_s=30)
    ledger.settle([Settlement(job_id=lost, fence=claim.fence, outcome=Done(result={}))])
    found = find_redone(ledger, ASSET)
    assert [(each.job_id, each.outcome) for each in found] == [
        (lost, StartOutcome.LOST),
        (lost, StartOutcome.INTERRUPTED),
    ]
    assert found[0].ended - found[0].started == pytest.approx(5)


def test_jobs_of_other_assets_are_not_listed(ledger: Ledger) -> None:
    for asset in (ASSET[:-1] + "e", ASSET + "0"):
        start(ledger, asset, "inspect")
        ledger.release_worker("w")
        (claim,) = ledger.claim("w", pools=["cpu"], limit=1, lease_s=30)
        ledger.settle([Settlement(job_id=claim.job.id, fence=claim.fence, outcome=Done(result={}))])
    assert find_redone(ledger, ASSET) == []


def test_the_last_ones_are_listed_if_there_are_many(
    ledger: Ledger, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redone_jobs, "MOST", 2)
    start(ledger, ASSET, "chunk-0000")
    for _ in range(3):
        clock.advance(1)
        ledger.release_worker("w")
        assert ledger.claim("w", pools=["cpu"], limit=1, lease_s=30)
    clock.advance(1)
    found = find_redone(ledger, ASSET)
    assert len(found) == 2
    assert found[-1].ended == clock.now() - 1
