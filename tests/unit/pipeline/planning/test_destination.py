"""The submitter and every worker must use the same store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from obstore.store import MemoryStore
from tests.unit.pipeline.runtime_helpers import toolchain

from eddyline.core.errors import MissingError, UsageError
from eddyline.graph.job import Done, Job, Settlement
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State
from eddyline.graph.worker.handler import JobContext
from eddyline.media.ladder import profile as profiles
from eddyline.pipeline.planning.destination import store_identity
from eddyline.pipeline.runtime.history import history_from_spec
from eddyline.pipeline.runtime.runtime import Runtime
from eddyline.pipeline.steps.table import handlers
from eddyline.pipeline.submission.submit import submit
from eddyline.store.local import LocalStore
from eddyline.store.objects import ObjectStore
from eddyline.store.store import Store


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite") as opened:
        yield opened


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"any bytes have a fingerprint" * 10_000)
    return path


def _bucket(name: str) -> ObjectStore:
    return ObjectStore(MemoryStore(), address=f"s3://{name}")


def _submit(clip: Path, store: Store, ledger: Ledger) -> Job:
    submitted = submit(
        [str(clip)], profiles.load_profile("fast"), store=store, ledger=ledger, toolchain="fleet"
    )
    (job,) = [job for job in ledger.jobs(asset=submitted.asset) if job.state is State.READY]
    return job


def _inspect(store: Store, job: Job, tmp_path: Path) -> None:
    runtime = Runtime(store=store, tools=toolchain(), scratch=tmp_path / "work", history=history_from_spec)
    handlers(runtime)["inspect"](job, JobContext(attempt=1))


def test_a_bucket_is_identified_by_its_address_and_a_directory_by_an_empty_text(tmp_path: Path) -> None:
    assert store_identity(_bucket("a/media")) == "s3://a/media"
    assert store_identity(LocalStore(tmp_path)) == ""


def test_a_worker_with_another_store_fails_with_a_remedy(clip: Path, ledger: Ledger, tmp_path: Path) -> None:
    job = _submit(clip, _bucket("a"), ledger)
    for store, name in ((_bucket("b"), "s3://b"), (LocalStore(tmp_path / "media"), "a directory")):
        with pytest.raises(
            UsageError, match=f"submitted to s3://a, but this worker's store is {name}"
        ) as caught:
            _inspect(store, job, tmp_path)
        assert "--store" in caught.value.remedy


def test_the_error_for_a_missing_plan_names_the_store(tmp_path: Path) -> None:
    runtime = Runtime(store=_bucket("b"), tools=toolchain(), scratch=tmp_path, history=history_from_spec)
    with pytest.raises(MissingError, match=r"s3://b/\.eddyline/parts/0{16}/plan-1{16}\.json") as caught:
        runtime.plan(f".eddyline/parts/{'0' * 16}/plan-{'1' * 16}.json")
    assert "--store" in caught.value.remedy


def test_an_asset_in_progress_for_one_store_cannot_be_submitted_for_another(
    clip: Path, ledger: Ledger
) -> None:
    job = _submit(clip, _bucket("a"), ledger)
    with pytest.raises(UsageError, match="being processed for s3://a") as caught:
        _submit(clip, _bucket("b"), ledger)
    assert f"cancel {job.asset}" in caught.value.remedy
    assert _submit(clip, _bucket("a"), ledger) == job


def test_a_finished_asset_of_one_store_is_processed_for_another_by_new_jobs(
    clip: Path, ledger: Ledger
) -> None:
    first = _submit(clip, _bucket("a"), ledger)
    ledger.register("w", "host", 1)
    for claim in ledger.claim("w", pools=["light"], limit=9, lease_s=60):
        ledger.settle([Settlement(job_id=claim.job.id, fence=claim.fence, outcome=Done(result={}))])
    second = _submit(clip, _bucket("b"), ledger)
    assert (second.asset, second.spec["store"]) == (first.asset, "s3://b")
    assert second.id != first.id
