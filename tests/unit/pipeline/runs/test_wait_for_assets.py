"""The waiter for a fleet reports how every asset ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.pipeline.runtime_helpers import ASSET, PreparedAsset

from eddyline.core.stop import Stop
from eddyline.fleet.pool_coverage import UnservedPool
from eddyline.graph.job import Done, Failed, NewJob, Outcome, Settlement
from eddyline.graph.ledger.ledger import Ledger
from eddyline.pipeline.runs.events import AssetProgress, Event, RunReport
from eddyline.pipeline.runs.run_report import ReportBuilder
from eddyline.pipeline.runs.wait_for_assets import AssetWaiter
from eddyline.pipeline.submission.submit import Submitted
from eddyline.store.local import LocalStore

SUBMITTED = Submitted(asset=ASSET, name="a.mp4", source="a.mp4", status="open")

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite") as opened:
        opened.submit([NewJob(id="a.publish", asset=ASSET, kind="publish", pool="light", spec={})])
        yield opened


def _settle(ledger: Ledger, outcome: Outcome) -> None:
    ledger.register("w", "host", 1)
    (claim,) = ledger.claim("w", pools=["light"], limit=1, lease_s=60)
    ledger.settle([Settlement(job_id=claim.job.id, fence=claim.fence, outcome=outcome)])


def _wait(store: LocalStore, ledger: Ledger) -> RunReport:
    report = ReportBuilder(store=store, where=store.where, on_event=lambda _: None)
    AssetWaiter(ledger=ledger, report=report, stop=Stop()).wait([SUBMITTED])
    return report.report("")


def test_a_published_asset_is_reported_as_finished(ledger: Ledger, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    prepared = PreparedAsset(store, tmp_path / "work")
    prepared.run(prepared.job("publish"))
    _settle(ledger, Done(result={}))
    assert [each.asset for each in _wait(store, ledger).finished] == [ASSET]


def test_a_failed_asset_is_reported_with_its_reason(ledger: Ledger, tmp_path: Path) -> None:
    _settle(ledger, Failed(error={"message": "the disk failed"}, retry=False))
    (failed,) = _wait(LocalStore(tmp_path / "store"), ledger).failed
    assert failed.reason == "the disk failed"


def test_done_jobs_without_a_published_asset_are_a_failure(ledger: Ledger, tmp_path: Path) -> None:
    _settle(ledger, Done(result={}))
    (failed,) = _wait(LocalStore(tmp_path / "store"), ledger).failed
    assert "all jobs are done" in failed.reason
    assert f"assets/{ASSET}/manifest.json" in failed.reason
    assert failed.remedy


class SteppingStop(Stop):
    """Advances its clock by 4 s at each wait."""

    now = 0.0

    def wait(self, seconds: float) -> bool:
        assert seconds == 0
        self.now += 4.0
        return self.requested


def test_an_unserved_pool_is_reported_immediately_and_every_minute(ledger: Ledger, tmp_path: Path) -> None:
    store, stop = LocalStore(tmp_path / "store"), SteppingStop()
    events: list[Event] = []
    checked_at: list[float] = []

    def unserved() -> list[UnservedPool]:
        checked_at.append(stop.now)
        if len(checked_at) > 20:
            stop.request("enough")
        return [
            UnservedPool(pool=pool, jobs=1, waited_s=5.0, remedy="start one") for pool in ("gpu", "light")
        ]

    AssetWaiter(
        ledger=ledger,
        report=ReportBuilder(store=store, where=store.where, on_event=events.append),
        stop=stop,
        unserved=unserved,
        monotonic=lambda: stop.now,
        poll_s=0.0,
    ).wait([SUBMITTED])
    reported = [each for each in events if isinstance(each, UnservedPool)]
    assert {each.pool for each in reported} == {"light"}, "no job of this asset waits for the other pool"
    assert checked_at[0] == 0, "the first check is immediate"
    assert len(reported) == 3  # in 160 s


def test_jobs_of_an_earlier_request_do_not_count_as_progress(ledger: Ledger, tmp_path: Path) -> None:
    _settle(ledger, Done(result={}))
    spec = {"ask": "new"}
    ledger.submit([NewJob(id="b.publish", asset=ASSET, kind="publish", pool="light", spec=spec)])
    stop, fractions = Stop(), list[float]()

    def on_event(event: Event) -> None:
        assert isinstance(event, AssetProgress)
        fractions.append(event.fraction)
        stop.request("enough")

    store = LocalStore(tmp_path / "store")
    report = ReportBuilder(store=store, where=store.where, on_event=on_event)
    AssetWaiter(ledger=ledger, report=report, stop=stop).wait([SUBMITTED])
    assert fractions == [0.0]
