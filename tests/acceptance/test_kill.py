"""kill -9 of the whole process group, again and again, at random moments."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from .clips import noisy
from .conftest import manifest_of

KILLS, FEWEST_KILLS = 25, 20
SLOTS = 2


def _finished_chunks(out: Path) -> dict[str, tuple[int, int]]:
    """Receipts of chunks as they lie in the store: (inode, time of writing) by path."""
    found = {}
    for receipt in (out / ".eddyline").glob("parts/*/*/chunk-*/receipt.json"):
        with suppress(FileNotFoundError):
            stat = receipt.stat()
            found[str(receipt.relative_to(out))] = (stat.st_ino, stat.st_mtime_ns)
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_at_random_moments_it_finishes_with_the_undisturbed_manifest(
    tmp_path: Path, ffmpeg: str, eddyline: tuple[str, ...], small_profile: Path
) -> None:
    clip = noisy(ffmpeg, tmp_path / "in.mp4", seconds=150)
    options = ("--profile", str(small_profile), "--slots", str(SLOTS), "--json")
    calm, storm = tmp_path / "calm", tmp_path / "storm"
    began = time.monotonic()
    subprocess.run(
        [*eddyline, "run", str(clip), "--out", str(calm), *options], check=True, capture_output=True
    )
    calm_s = time.monotonic() - began
    rng, kills = random.Random(20), 0
    finished: dict[str, tuple[int, int]] = {}
    while kills < KILLS:
        process = subprocess.Popen(
            [*eddyline, "run", str(clip), "--out", str(storm), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        # From the first import to the last rename; on the whole, far less time than the work takes.
        with suppress(subprocess.TimeoutExpired):
            process.wait(rng.uniform(0.1, calm_s / 4))
        if process.poll() is not None:
            break  # it got through between two kills
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
        now = _finished_chunks(storm)
        again = [key for key, was in finished.items() if key in now and now[key] != was]
        assert not again, f"finished chunks were encoded again: {again}"
        finished.update(now)
        _nothing_half_written_is_visible(storm)
    subprocess.run(
        [*eddyline, "run", str(clip), "--out", str(storm), *options], check=True, capture_output=True
    )
    assert kills >= FEWEST_KILLS, "the storm was too mild to prove anything"
    expected, got = manifest_of(calm), manifest_of(storm)
    run = got.pop("run")
    expected.pop("run")
    assert got == expected
    assert 0 < run["redone_jobs"] <= kills * SLOTS
    with closing(sqlite3.connect(storm / ".eddyline" / "ledger.sqlite")) as ledger:
        assert ledger.execute("select count(*) from jobs where state <> 'done'").fetchone() == (0,)
    assert not list((storm / ".eddyline" / "work").iterdir()), "scratch folders were left behind"
    leftovers = [path for path in storm.rglob(".*") if path.name != ".eddyline"]
    assert not leftovers, "half-written files were left behind"


def _nothing_half_written_is_visible(out: Path) -> None:
    """Whatever a manifest names is there in full, and without a manifest no asset claims to exist."""
    for path in out.glob("assets/*/manifest.json"):
        manifest = json.loads(path.read_text())
        for rendition in manifest["renditions"]:
            assert (path.parent / rendition["path"]).stat().st_size == rendition["bytes"]
