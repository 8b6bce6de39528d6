"""Deletion of assets: nothing stays stored, even if processes run or are killed meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from tests.unit.library.asset_jobs import ASSET, WORKER, add_row, job_name, planned_jobs
from tests.unit.library.uploads.upload_helpers import LIMITS

from eddyline.core.clock import ManualClock
from eddyline.core.errors import MissingError
from eddyline.graph.db.library_schema import deleted_assets, job_progress
from eddyline.graph.db.library_schema import uploads as uploads_table
from eddyline.graph.db.schema import archive, dependencies, jobs
from eddyline.graph.job import Done, NewJob, Settlement
from eddyline.graph.ledger.catalogue.asset import AssetState, BeingDeletedError
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine
from eddyline.graph.states import State
from eddyline.library.deletion.deletion import AssetDeletion
from eddyline.library.deletion.holders import Holder, HolderWatch
from eddyline.library.deletion.late_output import CHECKS_AFTER_S
from eddyline.library.deletion.stored_files import leftovers, uploaded_key
from eddyline.library.uploads.upload import NewUpload
from eddyline.library.uploads.upload_files import UploadFiles
from eddyline.library.uploads.uploads import Uploads
from eddyline.media.ladder.profile import load_profile
from eddyline.pipeline.planning.output_layout import asset_key, manifest_key, parts_prefix
from eddyline.pipeline.runtime.source_files import ChapterFile, SourceFile, SourceRegistry
from eddyline.pipeline.submission.submit import submit
from eddyline.store.local import LocalStore

OTHER = "fedcba9876543210"


class Killed(BaseException):
    """The process is killed here."""


@pytest.fixture
def ledger(tmp_path: Path, clock: ManualClock) -> Iterator[Ledger]:
    """A ledger on SQLite; the SQL is tested on both databases by `test_the_rows_of_a_deleted_asset`."""
    with Ledger.open(tmp_path / "ledger.db", clock=clock) as opened:
        yield opened


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "media")


@pytest.fixture
def deletion(ledger: Ledger, store: LocalStore) -> AssetDeletion:
    return AssetDeletion(ledger, store)


def fill(store: LocalStore, asset: str = ASSET, source: str = "sources/uploads/ada/1/1/GX010042.MP4") -> str:
    """Writes files of all kinds for an asset; returns the address of its uploaded source."""
    for path in ("manifest.json", "renditions/1080p.mp4", "pictures/poster.jpg"):
        store.put_bytes(asset_key(asset, path), b"x" * 100)
    parts = parts_prefix(asset)
    for path in ("plan-abc.json", "abc/chunk-0000/1080p.mp4", "abc/chunk-0000/receipt.json"):
        store.put_bytes(f"{parts}/{path}", b"x" * 100)
    # What a killed worker was writing: not listed, but stored.
    (store.path(parts) / "abc" / ".tmp-half").write_bytes(b"x" * 100)
    store.put_bytes(source, b"video")
    address = store.where(source)
    SourceRegistry(store).save(asset, SourceFile(address=address, size=5, stamp="1"))
    return address


def stored_bytes(store: LocalStore) -> int:
    return sum(path.stat().st_size for path in store.root.rglob("*") if path.is_file())


def start_jobs(ledger: Ledger, count: int = 2) -> None:
    ledger.register(WORKER, "host", 1, 30.0, machine=Machine(pool="cpu", slots=count))
    ledger.submit(planned_jobs(chunks=3))
    ledger.claim(WORKER, pools=("cpu",), limit=count, lease_s=30.0)


def count_rows(ledger: Ledger, table: Any) -> int:
    return int(ledger.read(lambda c: c.execute(select(func.count()).select_from(table)).scalar_one()))


def finish(deletion: AssetDeletion, clock: ManualClock, steps: int = 40) -> int:
    """Steps once a second until the asset is deleted; returns how many steps that took."""
    for number in range(1, steps + 1):
        if deletion.step(ASSET).deleted:
            return number
        clock.advance(1)
    raise AssertionError("not deleted")


def test_a_deleted_asset_leaves_no_byte_and_no_row(
    ledger: Ledger, store: LocalStore, deletion: AssetDeletion, clock: ManualClock
) -> None:
    add_row(ledger, owner="ada", state=AssetState.READY, source=fill(store))
    ledger.submit(planned_jobs(chunks=2))
    deletion.request(ASSET)
    found = ledger.catalogue.get(ASSET)
    assert found is not None
    assert found.state is AssetState.DELETING
    assert finish(deletion, clock) == 1
    assert stored_bytes(store) == 0
    assert ledger.catalogue.get(ASSET) is None
    assert ledger.jobs(ASSET) == []
    assert [count_rows(ledger, table) for table in (jobs, dependencies, job_progress)] == [0, 0, 0]
    event = ledger.events.after(0, owner="ada", limit=10)[-1]
    assert (event.kind, event.asset, event.body["name"]) == ("asset.deleted", ASSET, f"{ASSET}.mp4")


def test_the_rows_of_a_deleted_asset_on_both_databases(
    open_ledger: Callable[..., Ledger], store: LocalStore, clock: ManualClock
) -> None:
    ledger = open_ledger()
    deletion = AssetDeletion(ledger, store)
    add_row(ledger, owner="ada", source=fill(store))
    start_jobs(ledger)
    add_row(ledger, OTHER)
    ledger.submit(planned_jobs(OTHER, chunks=1))
    deletion.request(ASSET)
    finish(deletion, clock)
    assert ledger.jobs(ASSET) == []
    assert len(ledger.jobs(OTHER)) == len(planned_jobs(OTHER, chunks=1))
    store.put_bytes(manifest_key(ASSET), b"late")
    clock.advance(CHECKS_AFTER_S[0])
    assert deletion.check_late_output() == 1
    finish(deletion, clock)
    assert stored_bytes(store) == 0


def test_files_stay_until_the_workers_have_noticed_the_cancellation(
    ledger: Ledger, store: LocalStore, deletion: AssetDeletion, clock: ManualClock
) -> None:
    add_row(ledger, source=fill(store))
    start_jobs(ledger)
    deletion.request(ASSET)
    assert ledger.held_jobs(WORKER) == {}
    for _ in range(5):
        step = deletion.step(ASSET)
        assert (step.deleted, step.waits_for) == (False, (WORKER,))
        clock.advance(1)
    assert store.size(manifest_key(ASSET)) == 100
    ledger.heartbeat(WORKER, 30.0)
    assert deletion.step(ASSET).waits_for == (WORKER,), "its handler needs a moment to stop"
    clock.advance(3)
    assert deletion.step(ASSET).deleted
    assert stored_bytes(store) == 0


def test_a_worker_that_is_gone_is_waited_for_until_its_lease_ends(
    ledger: Ledger, store: LocalStore, deletion: AssetDeletion, clock: ManualClock
) -> None:
    add_row(ledger, source=fill(store))
    start_jobs(ledger)
    deletion.request(ASSET)
    assert 25 <= finish(deletion, clock) <= 33
    assert stored_bytes(store) == 0


def test_an_undelivered_command_to_a_worker_is_waited_for() -> None:
    now = 100.0
    watch = HolderWatch()
    before = Holder(worker="w", deadline=130.0, has_commands=True)
    renewed = Holder(worker="w", deadline=140.0, has_commands=True)
    delivered = Holder(worker="w", deadline=150.0, has_commands=False)
    assert watch.still_held([before], now) == ["w"]
    assert watch.still_held([renewed], now + 10) == ["w"]
    assert watch.still_held([delivered], now + 20) == []
    assert watch.still_held([], now + 21) == []


@pytest.mark.parametrize("moment", range(1, 16))
def test_a_process_that_is_killed_at_any_moment_is_continued(
    tmp_path: Path, clock: ManualClock, store: LocalStore, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """Every write to the store and to the ledger is a moment at which the process may be killed."""
    with Ledger.open(tmp_path / "ledger.db", clock=clock) as ledger:
        add_row(ledger, source=fill(store))
        ledger.submit(planned_jobs(chunks=1))
        left = [moment]

        def killable(action: Callable[..., Any]) -> Callable[..., Any]:
            def run(*given: Any, **named: Any) -> Any:
                left[0] -= 1
                if left[0] == 0:
                    raise Killed
                return action(*given, **named)

            return run

        with monkeypatch.context() as patch:
            patch.setattr(store, "delete", killable(store.delete))
            patch.setattr(ledger, "write", killable(ledger.write))
            patch.setattr(ledger, "cancel", killable(ledger.cancel))
            try:
                deletion = AssetDeletion(ledger, store)
                deletion.request(ASSET)
                deletion.step(ASSET)
            except Killed:
                pass
        found = ledger.catalogue.get(ASSET)
        if moment == 1:
            assert found is not None
            assert found.state is AssetState.PROCESSING, (
                "nothing was recorded: the caller has no confirmation"
            )
            return
        AssetDeletion(ledger, store).step_all()
        assert ledger.catalogue.get(ASSET) is None
        assert stored_bytes(store) == 0
        deleted = [
            each for each in ledger.events.after(0, owner=None, limit=99) if each.kind == "asset.deleted"
        ]
        assert len(deleted) == 1


def test_the_uploaded_source_stays_while_another_asset_uses_it(
    ledger: Ledger, store: LocalStore, deletion: AssetDeletion, clock: ManualClock
) -> None:
    address = fill(store)
    add_row(ledger, source=address)
    add_row(ledger, OTHER, source=address)
    deletion.request(ASSET)
    finish(deletion, clock)
    assert store.get("sources/uploads/ada/1/1/GX010042.MP4") == b"video"
    assert list(leftovers(store, ASSET)) == []
    SourceRegistry(store).save(OTHER, SourceFile(address=address, size=5, stamp="1"))
    deletion.request(OTHER)
    assert deletion.step(OTHER).deleted
    assert stored_bytes(store) == 0


def test_chapters_stay_while_another_asset_uses_them(
    ledger: Ledger, store: LocalStore, deletion: AssetDeletion, clock: ManualClock
) -> None:
    keys = [f"sources/{each}/GX{each}0042.MP4" for each in ("01", "02")]
    fill(store, source=keys[0])
    store.put_bytes(keys[1], b"video")
    chapters = [
        ChapterFile(original=SourceFile.current(store.where(each)), fingerprint="a" * 64) for each in keys
    ]
    for each in (ASSET, OTHER):
        SourceRegistry(store).save(each, chapters[0].original, chapters)
        add_row(ledger, each, source=store.where(keys[0]))
    deletion.request(ASSET)
    finish(deletion, clock)
    assert [store.get(each) for each in keys] == [b"video", b"video"]
    deletion.request(OTHER)
    assert deletion.step(OTHER).deleted
    assert stored_bytes(store) == 0


def test_all_uploaded_chapters_are_deleted_also_without_the_record_of_the_source(
    ledger: Ledger, store: LocalStore, deletion: AssetDeletion
) -> None:
    first = fill(store)
    uploads = Uploads(ledger, UploadFiles(store.root.parent / "uploads"), LIMITS)
    second = uploads.create(NewUpload(owner="ada", name="GX020042.MP4", length=5))
    key = f"sources/uploads/ada/1/{second.id}/GX020042.MP4"
    store.put_bytes(key, b"video")
    row = update(uploads_table).where(uploads_table.c.id == second.id).values(key=key, asset=ASSET)
    ledger.write(lambda c: c.execute(row))
    store.delete(SourceRegistry.key(ASSET))
    add_row(ledger, source=first)
    deletion.request(ASSET)
    assert deletion.step(ASSET, first).deleted
    assert stored_bytes(store) == 0


def test_a_submission_during_the_deletion_is_refused_before_it_changes_the_record_of_the_source(
    ledger: Ledger, store: LocalStore, deletion: AssetDeletion, tmp_path: Path
) -> None:
    card = tmp_path / "card.mp4"
    card.write_bytes(b"video")

    def submitted() -> str:
        profile = load_profile("default")
        return submit([str(card)], profile, store=store, ledger=ledger, toolchain="t").asset

    asset = submitted()
    deletion.request(asset)
    copy = card.rename(tmp_path / "copy.mp4")
    card = copy
    with pytest.raises(BeingDeletedError) as caught:
        submitted()
    assert caught.value.retry
    assert SourceRegistry(store).find(asset).name == "card.mp4"
    assert deletion.step(asset).deleted
    assert submitted() == asset
    (job,) = [each for each in ledger.jobs(asset) if each.state is State.READY]
    assert job.kind == "inspect"


def test_a_source_that_eddyline_only_reads_is_never_deleted(
    ledger: Ledger, store: LocalStore, deletion: AssetDeletion, clock: ManualClock, tmp_path: Path
) -> None:
    card = tmp_path / "card" / "GX010042.MP4"
    card.parent.mkdir()
    card.write_bytes(b"video")
    fill(store)
    SourceRegistry(store).save(ASSET, SourceFile.current(card))
    add_row(ledger, source=str(card))
    deletion.request(ASSET)
    finish(deletion, clock)
    assert card.read_bytes() == b"video"


@pytest.mark.parametrize("name", ["", "../ledger.db", "a/../../x", "a//b", "./x"])
def test_only_addresses_below_the_uploads_are_uploaded_sources(store: LocalStore, name: str) -> None:
    assert uploaded_key(store, f"{store.root}/sources/{name}") is None
    assert uploaded_key(store, str(store.root / "assets" / "x")) is None
    assert uploaded_key(store, f"{store.root}/sources/a/b.mp4") == "sources/a/b.mp4"


def test_output_that_a_frozen_worker_writes_later_is_removed(
    ledger: Ledger, store: LocalStore, deletion: AssetDeletion, clock: ManualClock
) -> None:
    add_row(ledger, source=fill(store))
    deletion.request(ASSET)
    finish(deletion, clock)
    store.put_bytes(f"{parts_prefix(ASSET)}/abc/chunk-0001/1080p.mp4", b"late")
    store.put_bytes(manifest_key(ASSET), b"late")
    assert deletion.check_late_output() == 0, "the check is not due yet"
    clock.advance(CHECKS_AFTER_S[0])
    assert deletion.check_late_output() == 1
    finish(deletion, clock)
    assert stored_bytes(store) == 0
    deleted = [each for each in ledger.events.after(0, owner=None, limit=99) if each.kind == "asset.deleted"]
    assert len(deleted) == 1, "users hear of it once"
    for pause in (*CHECKS_AFTER_S,):
        clock.advance(pause)
        assert deletion.check_late_output() == 0
    assert count_rows(ledger, deleted_assets) == 0


def test_a_check_for_late_output_leaves_an_asset_alone_that_was_submitted_again(
    ledger: Ledger, store: LocalStore, deletion: AssetDeletion, clock: ManualClock
) -> None:
    add_row(ledger, source=fill(store))
    deletion.request(ASSET)
    finish(deletion, clock)
    add_row(ledger, source=fill(store))
    clock.advance(CHECKS_AFTER_S[-1])
    assert deletion.check_late_output() == 0
    assert store.size(manifest_key(ASSET)) == 100
    assert count_rows(ledger, deleted_assets) == 0


def test_a_late_result_does_not_count_for_an_asset_that_was_submitted_again(
    ledger: Ledger, store: LocalStore, deletion: AssetDeletion, clock: ManualClock
) -> None:
    first = NewJob(id=job_name(ASSET, "inspect"), asset=ASSET, kind="inspect", spec={})
    add_row(ledger, source=fill(store))
    ledger.register(WORKER, "host", 1, 5.0)
    ledger.submit([first])
    (claim,) = ledger.claim(WORKER, pools=("cpu",), limit=1, lease_s=5.0)
    deletion.request(ASSET)
    finish(deletion, clock)
    late = Settlement(job_id=claim.job.id, fence=claim.fence, outcome=Done(result={}))
    assert ledger.settle([late]) == [False]
    assert ledger.submit([first]) == 0, "the id is used up, and the next request has another one"
    assert count_rows(ledger, archive) == 1
    (remainder,) = ledger.archived(ASSET)
    assert remainder.body == '{"deleted":true}'


def test_an_unknown_asset_cannot_be_deleted(deletion: AssetDeletion) -> None:
    with pytest.raises(MissingError, match="does not contain the asset"):
        deletion.request(ASSET)
