"""`eddyline submit` with local sources and sources in a bucket."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.clips import noisy
from tests.acceptance.conftest import eddyline
from tests.servers.ministack import Ministack

from eddyline.graph.ledger.ledger import Ledger
from eddyline.store.open_store import open_store

__all__ = ["eddyline"]


@pytest.fixture
def bucket(ministack: Ministack, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", ministack.url)
    return ministack.bucket()


def submit(eddyline: tuple[str, ...], bucket: str, ledger: Path, *sources: object) -> dict[str, Any]:
    options = ("--store", f"s3://{bucket}/media", "--ledger", str(ledger), "--json")
    result = subprocess.run(
        [*eddyline, "submit", *map(str, sources), *options], check=False, capture_output=True, text=True
    )
    *_, last = result.stdout.splitlines()
    return {"status": result.returncode, **json.loads(last)}


def test_a_file_and_an_object_of_the_same_content_are_one_asset(
    eddyline: tuple[str, ...], bucket: str, ffmpeg: str, tmp_path: Path
) -> None:
    clip = noisy(ffmpeg, tmp_path / "clip.mp4", seconds=1, size="64x64")
    open_store(f"s3://{bucket}").put("footage/clip.mp4", clip)
    address = f"s3://{bucket}/footage/clip.mp4"
    ledger = tmp_path / "ledger.db"
    first = submit(eddyline, bucket, ledger, address)
    assert first["status"] == 0, first
    again = submit(eddyline, bucket, ledger, clip.as_uri(), address, clip)
    assert again["status"] == 0, again
    with Ledger.open(ledger) as opened:
        (job,) = opened.jobs()
    assert (job.kind, job.spec["name"]) == ("inspect", "clip.mp4")


def test_a_missing_object_is_reported_with_its_address(
    eddyline: tuple[str, ...], bucket: str, tmp_path: Path
) -> None:
    address = f"s3://{bucket}/footage/none.mp4"
    outcome = submit(eddyline, bucket, tmp_path / "ledger.db", address)
    assert outcome["status"] == 1
    assert [each["source"] for each in outcome["failed"]] == [address]
