"""Summaries of a ledger: open assets, failed assets and jobs by id."""

from __future__ import annotations

from eddyline.core.clock import ManualClock
from eddyline.graph.job import Done, Failed, Interrupted, NewJob, Outcome, Settlement
from eddyline.graph.ledger import overview
from eddyline.graph.ledger.ledger import Ledger


def _job(name: str, weight: float = 1.0, *dependencies: str) -> NewJob:
    asset = name.partition(".")[0]
    spec = {"name": f"{asset}.MP4"} if name.endswith(".first") else {}
    return NewJob(
        id=name, asset=asset, kind="work", spec=spec, weight=weight, owner="ann", dependencies=dependencies
    )


def _settle(ledger: Ledger, outcome: Outcome, limit: int = 1) -> None:
    claims = ledger.claim("w", pools=("cpu",), limit=limit, lease_s=30)
    ledger.settle([Settlement(job_id=c.job.id, fence=c.fence, outcome=outcome) for c in claims])


def test_an_open_asset_has_its_share_of_done_work(ledger: Ledger) -> None:
    ledger.submit([_job("a.first", 1.0), _job("a.second", 3.0, "a.first")])
    _settle(ledger, Interrupted())
    _settle(ledger, Done(result={}))
    ledger.claim("w", pools=("cpu",), limit=1, lease_s=30)
    (found,) = ledger.read(lambda c: overview.open_assets(c, 10))
    assert (found.asset, found.owner, found.jobs, found.running, found.dead) == ("a", "ann", 2, 1, 0)
    assert found.done == 0.25
    assert found.redone == 1


def test_assets_are_listed_in_the_order_of_submission_up_to_the_limit(
    ledger: Ledger, clock: ManualClock
) -> None:
    for name in ("c", "a", "b"):
        ledger.submit([_job(f"{name}.first")])
        clock.advance(1)
    assert [each.asset for each in ledger.read(lambda c: overview.open_assets(c, 2))] == ["c", "a"]
    assert ledger.read(overview.count_open_assets) == 3


def test_done_assets_are_not_open_and_failed_ones_are_listed(ledger: Ledger) -> None:
    ledger.submit([_job("a.first")])
    _settle(ledger, Done(result={}))
    ledger.submit([_job("b.first"), _job("b.second", 1.0, "b.first")])
    _settle(ledger, Failed(error={"message": "no"}, retry=False))
    assert ledger.read(overview.count_open_assets) == 0
    assert ledger.read(lambda c: overview.open_assets(c, 10)) == []
    (found,) = ledger.read(lambda c: overview.failed_assets(c, 10))
    assert (found.asset, found.dead) == ("b", 1)


def test_assets_have_the_name_in_their_first_job(ledger: Ledger) -> None:
    ledger.submit([_job("a.first"), _job("a.second"), _job("b.second")])
    assert ledger.read(lambda c: overview.asset_names(c, ["a", "b"])) == {"a": "a.MP4"}


def test_jobs_are_found_by_id_or_prefix(ledger: Ledger) -> None:
    ledger.submit([_job("a.first"), _job("a.first.more"), _job("a%first")])
    assert [job.id for job in ledger.find_jobs("a.first")] == ["a.first"]
    assert sorted(job.id for job in ledger.find_jobs("a.f")) == ["a.first", "a.first.more"]
    assert [job.id for job in ledger.find_jobs("a%")] == ["a%first"]
    assert ledger.find_jobs("zz") == []
