"""Rollout of a new FFmpeg build during an asset: real workers, and chunks of only one build in the result."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from tests.acceptance.clips import noisy
from tests.acceptance.conftest import manifest_of
from tests.acceptance.machines import Machines
from tests.waiting import wait_until

from eddyline.graph.job import Job
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import OPEN, State
from eddyline.pipeline.publication.manifest import without_run

_POOLS = """
pools:
  light:
    kinds: [inspect, poster, pictures, telemetry, audio, assemble, package, publish, tidy]
    encoders: [aac, mjpeg]
    cost: 1
    slot: {{vcpu: 0.1, memory_mib: 64}}
    limits: {{scratch_gib: 0.5}}
  cpu:
    kinds: [chunk]
    codecs: {{h264: libx264}}
    ffmpeg: {ffmpeg}
    serves: [light]
    cost: 4
    slot: {{vcpu: 0.1, memory_mib: 64}}
    limits: {{scratch_gib: 0.5}}
"""
_PROFILE = """
name: slow
rungs: [{height: 180, crf: 30, preset: slower, maxrate_kbps: 900, bufsize_kbps: 1800}]
pictures: {thumbs: 1, poster_width: 320, thumb_width: 160, storyboard: null}
segment_s: 2
package: false
quality: off
"""


def _build(ffmpeg: str, path: Path) -> Path:
    """A copy of FFmpeg with another digest."""
    shutil.copy(ffmpeg, path)
    with path.open("ab") as file:
        file.write(path.name.encode())
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _jobs(ledger: Path) -> list[Job]:
    with Ledger.open(ledger) as opened:
        return opened.jobs()


@pytest.mark.slow
def test_an_asset_started_with_the_old_build_is_finished_with_the_new_build_only(
    eddyline: tuple[str, ...], tmp_path: Path, ffmpeg: str
) -> None:
    old, new = _build(ffmpeg, tmp_path / "old"), _build(ffmpeg, tmp_path / "new")
    for build in (old, new):
        (tmp_path / f"{build.name}.yaml").write_text(_POOLS.format(ffmpeg=build))
    (profile := tmp_path / "slow.yaml").write_text(_PROFILE)
    clip = noisy(ffmpeg, tmp_path / "clip.mp4", seconds=9, size="320x180")
    store, ledger = tmp_path / "store", tmp_path / "ledger.db"
    store.mkdir()
    shared = {"EDDYLINE_STORE": str(store), "EDDYLINE_LEDGER": str(ledger)}
    worker = ("worker", "--pool", "cpu", "--slots", "1", "--lease", "3")

    def done() -> int:
        return sum(job.kind == "chunk" and job.state is State.DONE for job in _jobs(ledger))

    with Machines(command=eddyline, folder=tmp_path, shared=shared) as machines:
        machines.run("submit", str(clip), "--profile", str(profile))
        old_worker = machines.start("old-worker", *worker, EDDYLINE_POOLS=str(tmp_path / "old.yaml"))
        wait_until(lambda: done() > 0, timeout_s=120, message=machines.logs)
        old_worker.kill()
        done_by_old = done()
        machines.start("new-worker", *worker, EDDYLINE_POOLS=str(tmp_path / "new.yaml"))
        wait_until(
            lambda: not any(job.state in OPEN for job in _jobs(ledger)), timeout_s=120, message=machines.logs
        )

    jobs = _jobs(ledger)
    assert {job.state for job in jobs} == {State.DONE}
    again = [job for job in jobs if "-again" in job.id]
    assert len(again) >= done_by_old
    assert {(job.result or {})["ffmpeg"]["sha256"] for job in again} == {_sha256(new)}
    # The asset equals that of an undisturbed run with the new build.
    with Machines(command=eddyline, folder=tmp_path, shared={"EDDYLINE_FFMPEG": str(new)}) as machines:
        machines.run(
            "run", str(clip), "--profile", str(profile), "--out", str(tmp_path / "undisturbed"), "--json"
        )
    assert without_run(manifest_of(store)) == without_run(manifest_of(tmp_path / "undisturbed"))
    assert manifest_of(store)["toolchain"]["ffmpeg_sha256"] == _sha256(new)
