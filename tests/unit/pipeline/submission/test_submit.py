"""Submission can be repeated, from many processes, while workers publish."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.pipeline.concurrent_processes import run_at_once

from eddyline.core.errors import MissingError
from eddyline.core.identity import digest
from eddyline.graph.job import Done, Failed, Settlement
from eddyline.graph.ledger.catalogue.asset import AssetState
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State
from eddyline.media.ladder import profile as profiles
from eddyline.pipeline.planning.job_options import DEFAULT_OPTIONS, JobOptions
from eddyline.pipeline.planning.output_layout import asset_key, manifest_key
from eddyline.pipeline.runtime.source_files import SourceRegistry
from eddyline.pipeline.submission.submit import Submitted, identify, submit
from eddyline.store.local import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite") as opened:
        yield opened


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"any bytes have a fingerprint" * 10_000)
    return path


def _submit(
    clip: Path,
    store: LocalStore,
    ledger: Ledger,
    *,
    toolchain: str = "fleet",
    options: JobOptions = DEFAULT_OPTIONS,
) -> Submitted:
    return submit(
        [str(clip)],
        profiles.load_profile("fast"),
        store=store,
        ledger=ledger,
        toolchain=toolchain,
        options=options,
    )


def _publish(store: LocalStore, asset: str) -> bytes:
    """Write the smallest manifest that counts as published."""
    manifest: dict[str, object] = {"pictures": {"poster": "poster.jpg"}, "stream": None, "renditions": []}
    for name in ("poster.jpg", "index.html"):
        store.put_bytes(asset_key(asset, name), b"x")
    data = json.dumps(manifest).encode()
    store.put_bytes(manifest_key(asset), data)
    return data


def _settle(ledger: Ledger, outcome: Done | Failed) -> None:
    ledger.register("w", "host", 1)
    for claim in ledger.claim("w", pools=["light"], limit=9, lease_s=60):
        ledger.settle([Settlement(job_id=claim.job.id, fence=claim.fence, outcome=outcome)])


def test_the_same_content_is_one_asset_with_one_first_job(
    clip: Path, store: LocalStore, ledger: Ledger, tmp_path: Path
) -> None:
    options = JobOptions(owner="club", urgency="bulk", deadline=5e9)
    submitted = _submit(clip, store, ledger, options=options)
    moved = tmp_path / "moved.mp4"
    clip.rename(moved)
    assert _submit(moved, store, ledger, options=options).asset == submitted.asset
    (job,) = ledger.jobs(asset=submitted.asset)
    assert (job.kind, job.owner, job.deadline, job.priority) == ("inspect", "club", 5e9, 120)
    assert job.spec["name"] == "clip.mp4"
    assert SourceRegistry(store).find(submitted.asset).address == str(moved)


def test_submission_enters_the_asset_into_the_catalogue(
    clip: Path, store: LocalStore, ledger: Ledger
) -> None:
    asset = _submit(clip, store, ledger, options=JobOptions(owner="club")).asset
    found = ledger.catalogue.get(asset)
    assert found is not None
    assert (found.owner, found.name, found.source) == ("club", "clip.mp4", str(clip))
    assert (found.profile, found.state) == ("fast", AssetState.PROCESSING)


def test_owners_do_not_share_assets_of_files_with_the_same_sample(
    store: LocalStore, ledger: Ledger, tmp_path: Path
) -> None:
    """A crafted file that equals another one in all sampled bytes neither damages nor reveals its asset."""
    original, crafted = tmp_path / "a" / "clip.mp4", tmp_path / "b" / "clip.mp4"
    for path, middle in ((original, b"secret"), (crafted, b"forged")):
        path.parent.mkdir()
        # Between two of the sampled blocks.
        path.write_bytes(bytes(200_000) + middle + bytes(5_000_000))
    fast = profiles.load_profile("fast")
    assert identify([original], fast)[1] == identify([crafted], fast)[1]
    first = _submit(original, store, ledger, options=JobOptions(owner="anna"))
    data = _publish(store, first.asset)
    second = _submit(crafted, store, ledger, options=JobOptions(owner="eve"))
    assert second.asset != first.asset
    assert second.status == "open"
    assert store.get(manifest_key(first.asset)) == data
    assert SourceRegistry(store).find(first.asset).address == str(original)
    assert SourceRegistry(store).find(second.asset).address == str(crafted)
    assert [job.owner for job in ledger.jobs(asset=second.asset)] == ["eve"]


def test_an_asset_without_owner_keeps_its_id(clip: Path) -> None:
    fast = profiles.load_profile("fast")
    asset, content, chapters = identify([clip], fast)
    assert asset == digest(content, fast.digest())[:16]
    assert content == digest("chapters", chapters[0].fingerprint)


def test_a_published_asset_is_not_changed_and_gets_no_jobs(
    clip: Path, store: LocalStore, ledger: Ledger
) -> None:
    asset = _submit(clip, store, ledger).asset
    data = _publish(store, asset)
    assert _submit(clip, store, ledger).status == "published"
    assert store.get(manifest_key(asset)) == data
    assert len(ledger.jobs(asset=asset)) == 1


def test_a_manifest_whose_files_are_missing_is_kept_until_it_is_replaced(
    clip: Path, store: LocalStore, ledger: Ledger
) -> None:
    asset = _submit(clip, store, ledger).asset
    data = _publish(store, asset)
    _settle(ledger, Done(result={}))
    store.delete(asset_key(asset, "poster.jpg"))
    assert _submit(clip, store, ledger).status == "open"
    assert store.get(manifest_key(asset)) == data
    assert [job.state for job in ledger.jobs(asset=asset)] == [State.DONE, State.READY]


def test_submitting_again_retries_failed_jobs(clip: Path, store: LocalStore, ledger: Ledger) -> None:
    asset = _submit(clip, store, ledger).asset
    _settle(ledger, Failed(error={"message": "bad"}, retry=False))
    assert ledger.jobs(asset=asset)[0].state is State.DEAD
    _submit(clip, store, ledger)
    assert [job.state for job in ledger.jobs(asset=asset)] == [State.READY]


def test_jobs_of_another_toolchain_are_cancelled(clip: Path, store: LocalStore, ledger: Ledger) -> None:
    asset = _submit(clip, store, ledger, toolchain="old").asset
    _submit(clip, store, ledger, toolchain="new")
    assert sorted(job.state for job in ledger.jobs(asset=asset)) == [State.CANCELLED, State.READY]


def test_an_archived_asset_whose_output_was_removed_is_processed_again(
    clip: Path, store: LocalStore, ledger: Ledger
) -> None:
    asset = _submit(clip, store, ledger).asset
    _settle(ledger, Done(result={}))
    assert ledger.archive(older_than_s=-1) == 1
    assert _submit(clip, store, ledger).status == "open"
    assert [job.state for job in ledger.jobs(asset=asset)] == [State.READY]


def test_a_removed_source_is_missing(store: LocalStore, ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="cannot read"):
        _submit(tmp_path / "no.mp4", store, ledger)


_SUBMITTER = """
import sys
from pathlib import Path
from eddyline.store.local import LocalStore
from eddyline.graph.ledger.ledger import Ledger
from eddyline.media.ladder import profile as profiles
from eddyline.pipeline.submission.submit import submit
clip, store, ledger = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
with Ledger.open(Path(ledger)) as opened:
    profile = profiles.load_profile("fast")
    submit([clip], profile, store=LocalStore(Path(store)), ledger=opened, toolchain="fleet")
"""


def test_many_processes_submit_the_same_source_at_once(
    clip: Path, store: LocalStore, ledger: Ledger, tmp_path: Path
) -> None:
    run_at_once(_SUBMITTER, [(str(clip), str(store.root), str(tmp_path / "ledger.sqlite"))] * 3)
    assert [job.kind for job in ledger.jobs()] == ["inspect"]
