"""The catalogue follows the jobs: each change of an asset's jobs changes its row and appends an event."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update
from tests.unit.graph.ledger_helpers import claim_jobs, settle

from eddyline.core.clock import ManualClock
from eddyline.graph.db.library_schema import assets
from eddyline.graph.job import AssetEntry, Claim, Done, Failed, GraphError, NewJob
from eddyline.graph.ledger.catalogue.asset import Asset, AssetState, BeingDeletedError
from eddyline.graph.ledger.ledger import Ledger

ASSET = "a" * 16
ENTRY = AssetEntry(name="GX010001.MP4", source="/card/GX010001.MP4", profile="h264")
FACTS: dict[str, Any] = {
    "captured": 1_700_000_000.0,
    "duration_s": 12.5,
    "camera": "HERO9 Black",
    "width": 3840,
    "poster": "pictures/poster.jpg",
    "redone": 2,
}
FAILURE = {"error": "InputError", "message": "moov is damaged", "remedy": "copy it again", "argv": ["x"]}


def first_job(asset: str = ASSET, attempt: str = "1", owner: str = "anna") -> NewJob:
    return NewJob(
        id=f"{asset}.{attempt}.inspect", asset=asset, kind="inspect", spec={}, owner=owner, entry=ENTRY
    )


def planned(asset: str = ASSET, attempt: str = "1", owner: str = "anna") -> tuple[NewJob, ...]:
    """Two chunks, publish and tidy."""
    names = {kind: f"{asset}.{attempt}.{kind}" for kind in ("chunk-0", "chunk-1", "publish", "tidy")}
    needs = {"publish": (names["chunk-0"], names["chunk-1"]), "tidy": (names["publish"],)}
    return tuple(
        NewJob(
            id=name,
            asset=asset,
            kind=kind.partition("-")[0],
            spec={},
            owner=owner,
            dependencies=needs.get(kind, ()),
            max_attempts=1,
        )
        for kind, name in names.items()
    )


def submit(ledger: Ledger, attempt: str = "1") -> None:
    ledger.submit([first_job(attempt=attempt)])


def run(ledger: Ledger, kind: str, outcome: Done | Failed | None = None) -> Claim:
    """Claim the next job, of this kind, and settle it."""
    (claim,) = claim_jobs(ledger)
    assert claim.job.kind == kind
    assert settle(ledger, claim, outcome or Done(result={}))
    return claim


def plan(ledger: Ledger, attempt: str = "1") -> None:
    submit(ledger, attempt)
    run(ledger, "inspect", Done(result={}, spawn=planned(attempt=attempt)))


def publish(ledger: Ledger, result: dict[str, Any] | None = None) -> None:
    run(ledger, "publish", Done(result={"catalogue": FACTS} if result is None else result))


def row(ledger: Ledger, asset: str = ASSET) -> Asset:
    found = ledger.catalogue.get(asset)
    assert found is not None
    return found


def kinds(ledger: Ledger) -> list[str]:
    return [each.kind for each in ledger.events.after(0, owner=None, limit=100)]


@pytest.fixture
def ledger(open_ledger: Callable[..., Ledger]) -> Ledger:
    return open_ledger()


def test_submission_enters_the_asset(ledger: Ledger) -> None:
    submit(ledger)
    submit(ledger)
    found = row(ledger)
    assert (found.state, found.name, found.owner) == (AssetState.PROCESSING, "GX010001.MP4", "anna")
    assert (found.source, found.profile, found.progress) == (ENTRY.source, "h264", 0.0)
    assert found.created == pytest.approx(ledger.now())
    (event,) = ledger.events.after(0, owner="anna", limit=10)
    assert (event.kind, event.asset) == ("asset.created", ASSET)
    assert event.body == {"name": "GX010001.MP4", "state": "processing"}


def test_a_refused_submission_enters_nothing(ledger: Ledger) -> None:
    unknown = NewJob(id="x", asset=ASSET, kind="chunk", spec={}, dependencies=("missing",))
    with pytest.raises(GraphError):
        ledger.submit([first_job(), unknown])
    assert ledger.catalogue.get(ASSET) is None
    assert kinds(ledger) == []


def test_assets_that_are_submitted_at_once_have_different_times(ledger: Ledger) -> None:
    ledger.submit([first_job(asset=name * 16) for name in "abc"])
    assert len({row(ledger, name * 16).created for name in "abc"}) == 3


def test_publication_makes_the_asset_ready_with_its_facts(ledger: Ledger, clock: ManualClock) -> None:
    plan(ledger)
    run(ledger, "chunk")
    run(ledger, "chunk")
    clock.advance(60)
    publish(ledger)
    found = row(ledger)
    assert found.state is AssetState.READY
    assert {name: getattr(found, name) for name in FACTS} == FACTS
    assert (found.progress, found.updated, found.name) == (1.0, clock.now(), "GX010001.MP4")
    assert kinds(ledger) == ["asset.created", "asset.ready"]


def test_only_the_job_that_publishes_sets_facts(ledger: Ledger) -> None:
    plan(ledger)
    run(ledger, "chunk", Done(result={"catalogue": FACTS}))
    assert row(ledger).state is AssetState.PROCESSING
    assert row(ledger).camera is None


@pytest.mark.parametrize(
    "reported",
    [
        None,
        [],
        "x",
        {"width": True, "duration_s": "long", "camera": 5, "poster": "../../etc/passwd"},
        {"width": -1, "duration_s": -1.0, "camera": "\0\n", "poster": "/pictures/poster.jpg"},
        {"width": 1 << 70, "duration_s": 1e300, "poster": "a" * 5000},
        {"state": "deleting", "owner": "eve", "asset": "b" * 16, "failure": "x"},
        {"min_lat": 10.0, "max_lat": 5.0, "min_lon": 0.0, "max_lon": 1.0},
        {"min_lat": 10.0, "max_lat": 15.0, "min_lon": 0.0},
    ],
)
def test_invalid_facts_are_left_out(ledger: Ledger, reported: object) -> None:
    plan(ledger)
    run(ledger, "chunk")
    run(ledger, "chunk")
    publish(ledger, {"catalogue": reported})
    found = row(ledger)
    assert (found.state, found.owner, found.failure) == (AssetState.READY, "anna", None)
    unknown = (found.width, found.duration_s, found.camera, found.poster, found.min_lat, found.max_lon)
    assert unknown == (None,) * 6


def test_long_texts_are_cut(ledger: Ledger) -> None:
    plan(ledger)
    run(ledger, "chunk")
    run(ledger, "chunk")
    publish(ledger, {"catalogue": {"camera": "HERO\n" * 1000}})
    camera = row(ledger).camera
    assert camera is not None
    assert len(camera) == 100
    assert "\n" not in camera


def test_a_result_that_is_not_json_fails_the_asset(ledger: Ledger) -> None:
    plan(ledger)
    run(ledger, "chunk")
    run(ledger, "chunk")
    publish(ledger, {"catalogue": {"duration_s": math.nan}})
    assert row(ledger).state is AssetState.FAILED


def test_a_dead_job_fails_the_asset_with_its_reason(ledger: Ledger) -> None:
    plan(ledger)
    claim = run(ledger, "chunk", Failed(error=FAILURE, retry=False))
    found = row(ledger)
    assert found.state is AssetState.FAILED
    expected = {**FAILURE, "job": claim.job.id}
    del expected["argv"]
    assert found.failure == expected
    run(ledger, "chunk", Failed(error={"error": "Other"}, retry=False))
    assert row(ledger).failure == expected  # the first failure is the reason
    assert kinds(ledger) == ["asset.created", "asset.failed"]
    assert ledger.events.after(0, owner=None, limit=10)[-1].body["failure"] == expected


def test_a_job_that_is_retried_does_not_fail_the_asset(ledger: Ledger) -> None:
    submit(ledger)
    run(ledger, "inspect", Failed(error=FAILURE, retry=True))
    assert row(ledger).state is AssetState.PROCESSING


def test_a_job_that_loses_its_workers_fails_the_asset(
    open_ledger: Callable[..., Ledger], clock: ManualClock
) -> None:
    ledger = open_ledger(poison_after=1)
    submit(ledger)
    claim_jobs(ledger)
    clock.advance(100)
    ledger.expire_leases()
    found = row(ledger)
    assert found.state is AssetState.FAILED
    assert found.failure is not None
    assert found.failure["error"] == "KillsItsWorker"


def test_a_redrive_processes_the_asset_again(ledger: Ledger) -> None:
    plan(ledger)
    claim = run(ledger, "chunk", Failed(error=FAILURE, retry=False))
    ledger.redrive(claim.job.id)
    assert row(ledger).state is AssetState.PROCESSING
    assert row(ledger).failure is None
    run(ledger, "chunk")
    run(ledger, "chunk")
    publish(ledger)
    assert row(ledger).state is AssetState.READY
    assert kinds(ledger) == ["asset.created", "asset.failed", "asset.processing", "asset.ready"]


def test_a_redrive_of_one_of_two_dead_jobs_leaves_the_other_as_the_reason(ledger: Ledger) -> None:
    plan(ledger)
    first = run(ledger, "chunk", Failed(error=FAILURE, retry=False))
    second = run(ledger, "chunk", Failed(error=FAILURE, retry=False))
    ledger.redrive(first.job.id)
    found = row(ledger)
    assert found.state is AssetState.FAILED
    assert found.failure is not None
    assert found.failure["job"] == second.job.id


def test_cancellation_and_resubmission(ledger: Ledger) -> None:
    plan(ledger)
    ledger.cancel(asset=ASSET)
    assert row(ledger).state is AssetState.CANCELLED
    submit(ledger, "2")
    assert row(ledger).state is AssetState.PROCESSING
    assert kinds(ledger) == ["asset.created", "asset.cancelled", "asset.processing"]


def test_cancelling_one_job_that_publication_needs_cancels_the_asset(ledger: Ledger) -> None:
    plan(ledger)
    ledger.cancel(job=f"{ASSET}.1.chunk-0")
    assert row(ledger).state is AssetState.CANCELLED


def test_cancelling_jobs_of_an_earlier_attempt_does_not_cancel_the_asset(ledger: Ledger) -> None:
    plan(ledger)
    submit(ledger, "2")
    for job in planned():
        ledger.cancel(job=job.id)
    assert row(ledger).state is AssetState.PROCESSING
    assert kinds(ledger) == ["asset.created"]


def test_what_happens_to_internal_jobs_does_not_change_a_ready_asset(ledger: Ledger) -> None:
    plan(ledger)
    run(ledger, "chunk")
    run(ledger, "chunk")
    publish(ledger)
    claim = run(ledger, "tidy", Failed(error=FAILURE, retry=False))
    assert row(ledger).state is AssetState.READY
    ledger.redrive(claim.job.id)
    ledger.cancel(asset=ASSET)
    assert row(ledger).state is AssetState.READY
    assert kinds(ledger) == ["asset.created", "asset.ready"]


def test_an_asset_of_a_version_without_catalogue_is_entered_when_it_is_published(ledger: Ledger) -> None:
    ledger.submit(planned())
    run(ledger, "chunk")
    run(ledger, "chunk")
    publish(ledger, {"catalogue": {**FACTS, "name": "GX010001.MP4", "profile": "h264"}})
    found = row(ledger)
    assert (found.name, found.owner, found.state) == ("GX010001.MP4", "anna", AssetState.READY)


def test_an_asset_that_is_being_deleted_does_not_change(ledger: Ledger) -> None:
    plan(ledger)
    ledger.write(lambda c: c.execute(update(assets).values(state="deleting")))
    ledger.cancel(asset=ASSET)
    assert row(ledger).state is AssetState.DELETING
    with pytest.raises(BeingDeletedError, match="being deleted"):
        submit(ledger, "2")
    assert ledger.job(f"{ASSET}.2.inspect") is None


def test_the_row_stays_when_the_jobs_are_archived(ledger: Ledger, clock: ManualClock) -> None:
    plan(ledger)
    ledger.cancel(asset=ASSET)
    clock.advance(1000)
    assert ledger.archive(older_than_s=10) > 0
    assert row(ledger).state is AssetState.CANCELLED
