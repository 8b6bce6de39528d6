"""kill -9 of the whole process group, again and again, at random moments."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from .clips import noisy
from .conftest import manifest_of

KILLS = 22
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
@pytest.mark.timeout(600)
def test_killed_at_random_moments_it_finishes_with_the_undisturbed_manifest(
    tmp_path: Path, ffmpeg: str, eddyline: tuple[str, ...], small_profile: Path
) -> None:
    clip = noisy(ffmpeg, tmp_path / "in.mp4", seconds=100)
    options = ("--profile", str(small_profile), "--slots", str(SLOTS), "--json")
    calm, storm = tmp_path / "calm", tmp_path / "storm"
    began = time.monotonic()
    subprocess.run(
        [*eddyline, "run", str(clip), "--out", str(calm), *options], check=True, capture_output=True
    )
    calm_s = time.monotonic() - began
    rng = random.Random(20)
    kills, again, chunks_seen = 0, 0, {}
    for attempt in range(3 * KILLS):
        process = subprocess.Popen(
            [*eddyline, "run", str(clip), "--out", str(storm), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        # The first kills may hit anything from the start on; the later ones leave time for a chunk to end.
        give = rng.uniform(0.2, 0.5) * calm_s if attempt % 2 else rng.uniform(0.1, 1.5)
        with suppress(subprocess.TimeoutExpired):
            process.wait(give)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
        now = _finished_chunks(storm)
        again += sum(1 for key, was in chunks_seen.items() if key in now and now[key] != was)
        chunks_seen.update(now)
        visible = [
            path
            for path in (storm / "assets").rglob("*.mp4")
            if (path.parents[1] / "manifest.json").is_file()
        ]
        for path in visible:
            assert path.stat().st_size > 0
        if kills >= KILLS:
            break
        if process.returncode == 0:
            # It got through between two kills: take the asset away and let the storm go on.
            _forget(storm)
            chunks_seen = {}
    subprocess.run(
        [*eddyline, "run", str(clip), "--out", str(storm), *options], check=True, capture_output=True
    )
    assert kills >= KILLS
    assert again == 0, "a finished chunk was encoded again"
    expected, got = manifest_of(calm), manifest_of(storm)
    redone = got.pop("run")["redone_jobs"]
    expected.pop("run")
    assert got == expected
    assert redone <= kills * SLOTS
    with sqlite3.connect(storm / ".eddyline" / "ledger.sqlite") as ledger:
        assert ledger.execute("select count(*) from jobs where state not in ('done')").fetchone() == (0,)
    assert not list((storm / ".eddyline" / "work").iterdir()), "scratch folders were left behind"
    leftovers = [path for path in storm.rglob(".*") if path.name != ".eddyline"]
    assert not leftovers, "half-written files were left behind"


def _forget(out: Path) -> None:
    for manifest in out.glob("assets/*/manifest.json"):
        manifest.unlink()
