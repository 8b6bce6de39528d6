"""Whoever waits for a fleet comes back with a word on every asset, whatever became of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.pipeline.runtime_helpers import ASSET, Making

from eddyline.core.stop import Stop
from eddyline.fleet.pool_coverage import UnservedPool
from eddyline.graph.job import Done, Failed, NewJob, Outcome, Settlement
from eddyline.graph.ledger.ledger import Ledger
from eddyline.pipeline.runs.events import AssetProgress, Event, RunReport
from eddyline.pipeline.runs.run_report import ReportBuilder
from eddyline.pipeline.runs.wait_for_assets import AssetWaiter
from eddyline.pipeline.submission.submit import Submitted
from eddyline.store.local import LocalStore

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite") as opened:
        opened.submit([NewJob(id="a.publish", asset=ASSET, kind="publish", pool="light", spec={})])
        yield opened


def _end(ledger: Ledger, outcome: Outcome) -> None:
    ledger.register("w", "host", 1)
    (claim,) = ledger.claim("w", pools=["light"], limit=1, lease_s=60)
    ledger.settle([Settlement(job_id=claim.job.id, fence=claim.fence, outcome=outcome)])


def _waited(store: LocalStore, ledger: Ledger) -> RunReport:
    account = ReportBuilder(where=store.where, on_event=lambda _: None)
    following = AssetWaiter(store=store, ledger=ledger, account=account, stop=Stop(), on_event=lambda _: None)
    following.to_the_end([Submitted(asset=ASSET, name="a.mp4", source="a.mp4", status="open")])
    return account.report("")


def test_what_is_published_is_told_as_done(ledger: Ledger, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    making = Making(store, tmp_path / "work")
    making.perform(making.job("publish"))
    _end(ledger, Done(result={}))
    assert [each.asset for each in _waited(store, ledger).finished] == [ASSET]


def test_what_failed_is_told_with_its_reason(ledger: Ledger, tmp_path: Path) -> None:
    _end(ledger, Failed(error={"message": "the disk burns"}, retry=False))
    (failed,) = _waited(LocalStore(tmp_path / "store"), ledger).failed
    assert failed.reason == "the disk burns"


def test_what_is_done_and_not_there_is_not_waited_for_without_end(ledger: Ledger, tmp_path: Path) -> None:
    _end(ledger, Done(result={}))
    (failed,) = _waited(LocalStore(tmp_path / "store"), ledger).failed
    assert "all its jobs are done" in failed.reason
    assert f"assets/{ASSET}/manifest.json" in failed.reason
    assert failed.remedy


def test_a_class_that_nobody_serves_is_told_while_it_is_waited_for(ledger: Ledger, tmp_path: Path) -> None:
    store, stop = LocalStore(tmp_path / "store"), Stop()
    ticks = iter(range(0, 10_000, 4))  # s, one look each
    told: list[Event] = []
    asked: list[float] = []

    def unserved() -> list[UnservedPool]:
        asked.append(now[-1])
        if len(asked) > 20:
            stop.request("enough")
        return [
            UnservedPool(pool=pool, jobs=1, waited_s=5.0, remedy="start one") for pool in ("gpu", "light")
        ]

    now: list[float] = []

    def monotonic() -> float:
        now.append(float(next(ticks)))
        return now[-1]

    AssetWaiter(
        store=store,
        ledger=ledger,
        account=ReportBuilder(where=store.where, on_event=lambda _: None),
        stop=stop,
        on_event=told.append,
        unserved=unserved,
        monotonic=monotonic,
        every_s=0.0,
    ).to_the_end([Submitted(asset=ASSET, name="a.mp4", source="a.mp4", status="open")])
    missing = [each for each in told if isinstance(each, UnservedPool)]
    assert {each.pool for each in missing} == {"light"}, "nothing of this asset's waits for the other one"
    assert asked[0] == 0, "at once"
    assert len(missing) == 3  # in 160 s


def test_what_was_made_before_and_is_gone_since_is_no_progress(ledger: Ledger, tmp_path: Path) -> None:
    _end(ledger, Done(result={}))
    spec = {"ask": "anew"}
    ledger.submit([NewJob(id="b.publish", asset=ASSET, kind="publish", pool="light", spec=spec)])
    stop, told = Stop(), list[float]()

    def hear(event: Event) -> None:
        assert isinstance(event, AssetProgress)
        told.append(event.fraction)
        stop.request("enough")

    store = LocalStore(tmp_path / "store")
    account = ReportBuilder(where=store.where, on_event=hear)
    AssetWaiter(store=store, ledger=ledger, account=account, stop=stop, on_event=hear).to_the_end(
        [Submitted(asset=ASSET, name="a.mp4", source="a.mp4", status="open")]
    )
    assert told == [0.0]
